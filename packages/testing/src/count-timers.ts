/** Timers that were set while it counted and that keep the process alive. */
export interface TimerCounter {
  readonly count: number;
  /** Stops counting; the globals are as they were. */
  stop(): void;
}

/**
 * Counts by wrapping the global `setTimeout` and `setInterval`. (All of the process's timers could be counted without that, but a test
 * runner's own come and go among them.)
 */
export function countTimers(): TimerCounter {
  const timers = new Set<NodeJS.Timeout>();
  const restored = (["setTimeout", "setInterval"] as const).map((name) => {
    const original = globalThis[name];
    const wrapper = new Proxy(original, {
      apply(_, self, call) {
        const timer = Reflect.apply(original, self, call) as NodeJS.Timeout;
        timers.add(timer);
        return timer;
      },
    });
    globalThis[name] = wrapper as never;
    return () => {
      // A counter that began later stands on this one, and goes on.
      if (globalThis[name] === wrapper) globalThis[name] = original as never;
    };
  });

  return {
    get count() {
      for (const timer of timers) if (isOver(timer)) timers.delete(timer);
      return [...timers].filter((timer) => timer.hasRef()).length;
    },
    stop() {
      for (const restore of restored) restore();
    },
  };
}

/** Fired, cleared, closed or disposed of. Node has no public word for it; this one is there since Node 11. */
function isOver(timer: NodeJS.Timeout & { readonly _destroyed?: boolean }): boolean {
  return timer._destroyed !== false;
}
