import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Checks, checkFields, ms, oneOf, shown } from "./checks.ts";
import { countListeners } from "./count-listeners.ts";
import { countTimers } from "./count-timers.ts";

export interface LeakCounterOptions {
  /** How long `check` waits for the counts to go down, in ms of the real clock. Default 2_000. */
  readonly patienceMs?: number | undefined;
  /** What is not counted, because it is another's. Default: nothing. */
  readonly except?: readonly LeakKind[] | undefined;
}

export type LeakKind = "server" | "socket" | "pipe" | "process" | "timer" | "abort listener" | "unhandled rejection";

/** Counts what a test leaves behind. */
export interface LeakCounter extends AsyncDisposable {
  /**
   * Waits until no more is open than when the counter began, and stops counting; also what `await using` does at the end of its scope.
   * Again is nothing.
   *
   * @throws Error that names what is left, and how many
   */
  check(): Promise<void>;
}

/**
 * Begins to count: sockets, servers, pipes, processes and timers that keep this process alive; abort listeners added from now on to
 * signals that could still fire; promises rejected that nobody handles. What was open before is not counted. Idle sockets that were unref'd (as
 * undici does) keep nobody alive and are not seen.
 *
 * A server that was opened before keeps its end of each connection until that is closed: one that a client keeps alive counts as a
 * socket. Open the server after, or leave out sockets.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { leakCounter, loopbackServer } from "@longwire/testing";
 *
 * await using leaks = leakCounter();
 * await using server = await loopbackServer({ body: "hello" });
 * console.log(await fetch(server.url).then((response) => response.text()));
 * // At the end of the scope the server is closed first; then the counter throws if anything is left.
 * ```
 */
export function leakCounter(options: LeakCounterOptions = {}): LeakCounter {
  checkFields<LeakCounterOptions>("The options object of leakCounter", options, checks);
  const { patienceMs = 2_000, except = [] } = options;
  const listeners = countListeners();
  const timers = countTimers();
  const rejections: unknown[] = [];
  const note = (reason: unknown): unknown => rejections.push(reason);
  process.on("unhandledRejection", note);
  const before = resources();
  let checked = false;

  function left(): string[] {
    const now = resources();
    const counts: [kind: LeakKind, count: number][] = [
      ...kinds.map(([kind]): [LeakKind, number] => [kind, (now.get(kind) ?? 0) - (before.get(kind) ?? 0)]),
      ["timer", timers.count],
      ["abort listener", listeners.count],
      ["unhandled rejection", rejections.length],
    ];
    return counts
      .filter(([kind, count]) => count > 0 && !except.includes(kind))
      .map(([kind, count]) => `${count} ${kind}${count === 1 ? "" : "s"}`);
  }

  async function settled(): Promise<string[]> {
    // Handles that are closed go within a few turns of the event loop, and unhandled rejections are told within one.
    for (let turn = 0; turn < fewTurns; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (turn >= 2 && left().length === 0) return [];
    }
    // Rarely needed, so that what counts in every test of a suite loads in no time.
    const { systemClock: clock } = await import("@longwire/core");
    const until = clock.now() + patienceMs;
    for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, 50)) {
      const listening = listeners.count > 0;
      const still = left();
      if (still.length === 0 || rejections.length > 0 || clock.now() >= until) return still;
      await new Promise<void>((resolve) => void clock.timer(waitMs, resolve));
      if (listening) collectGarbage();
    }
  }

  async function check(): Promise<void> {
    if (checked) return;
    checked = true;
    try {
      const still = await settled();
      if (still.length === 0) return;
      throw new Error(`Left behind: ${still.join(", ")}`, rejections.length > 0 ? { cause: rejections[0] } : {});
    } finally {
      process.off("unhandledRejection", note);
      listeners.stop();
      timers.stop();
    }
  }

  return { check, [Symbol.asyncDispose]: check };
}

const fewTurns = 20;

const kinds: readonly [kind: LeakKind, pattern: RegExp][] = [
  ["server", /^(TCP|Pipe)ServerWrap$/],
  ["socket", /^(TCPSocketWrap|TLSWrap|UDPWRAP)$/],
  ["pipe", /^PipeWrap$/],
  ["process", /^ProcessWrap$/],
];

const checks: Checks<LeakCounterOptions> = {
  patienceMs: ms,
  except(name, value) {
    if (!Array.isArray(value)) throw new TypeError(`${name} must be a list, not ${shown(value)}`);
    for (const kind of value) oneOf([...kinds.map(([known]) => known), ...counted])(name, kind);
  },
};

const counted: readonly LeakKind[] = ["timer", "abort listener", "unhandled rejection"];

/** What keeps this process alive, by kind. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const resource of process.getActiveResourcesInfo()) {
    const kind = kinds.find(([, pattern]) => pattern.test(resource))?.[0];
    if (kind) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** A listener on a signal that nobody can reach is no leak; only the collector knows. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
