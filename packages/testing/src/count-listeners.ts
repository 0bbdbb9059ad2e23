/** Abort listeners that were added while it counted and that somebody could still call. */
export interface ListenerCounter {
  readonly count: number;
  /** Stops counting; the prototype is as it was. */
  stop(): void;
}

/**
 * Counts by wrapping `addEventListener` and `removeEventListener` of `AbortSignal.prototype`. A listener is gone when it was removed, when
 * its signal fired or was collected as garbage, and when the `signal` option that it was added with fired.
 */
export function countListeners(): ListenerCounter {
  const prototype = AbortSignal.prototype;
  const before = Object.getOwnPropertyDescriptors(prototype);
  const { addEventListener, removeEventListener } = prototype;
  const signals = new Set<WeakRef<AbortSignal>>();
  // By signal, so that no signal is kept by what listens to it.
  const listeners = new WeakMap<AbortSignal, Held[]>();

  const add: Change = function (type, listener, options) {
    addEventListener.call(this, type, listener as Listening, options);
    const until = typeof options === "object" ? options.signal : undefined;
    if (type !== "abort" || !listener || this.aborted || until?.aborted) return;
    const held = listeners.get(this) ?? [];
    if (held.length === 0) {
      listeners.set(this, held);
      signals.add(new WeakRef(this));
    }
    const capture = captures(options);
    if (!held.some((one) => one.listener === listener && one.capture === capture)) {
      held.push({ listener, capture, until });
    }
  };

  const remove: Change = function (type, listener, options) {
    removeEventListener.call(this, type, listener as Listening, options);
    const held = type === "abort" ? listeners.get(this) : undefined;
    const at = held?.findIndex((one) => one.listener === listener && one.capture === captures(options)) ?? -1;
    if (at !== -1) held?.splice(at, 1);
  };

  const mine = { addEventListener: add, removeEventListener: remove };
  for (const [name, value] of Object.entries(mine)) {
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true, enumerable: false });
  }

  return {
    get count() {
      let count = 0;
      for (const reference of signals) {
        const signal = reference.deref();
        if (!signal || signal.aborted) signals.delete(reference);
        else count += listeners.get(signal)?.filter(({ until }) => !until?.aborted).length ?? 0;
      }
      return count;
    },
    stop() {
      for (const [name, value] of Object.entries(mine)) {
        // Another counter that began later stands on this one, and goes on.
        if (Object.getOwnPropertyDescriptor(prototype, name)?.value !== value) continue;
        const was = before[name as keyof typeof before];
        if (was) Object.defineProperty(prototype, name, was);
        else Reflect.deleteProperty(prototype, name);
      }
    },
  };
}

interface Held {
  readonly listener: Listening;
  readonly capture: boolean;
  readonly until: AbortSignal | undefined;
}

type Listening = NonNullable<Parameters<AbortSignal["addEventListener"]>[1]>;
type Capture = boolean | { readonly capture?: boolean; readonly signal?: AbortSignal } | undefined;
type Change = (this: AbortSignal, type: string, listener: Listening | null, options?: Capture) => void;

function captures(options: Capture): boolean {
  return typeof options === "object" ? (options.capture ?? false) : (options ?? false);
}
