// What a page runs; what it needs of the test's own process is given to it on globalThis.

import type { Message, StreamError } from "longwire";
import { open, show, type World } from "./web-socket-scenarios.ts";

/** Runs one in a page. */
export function showHere(title: string, urls: Pick<World, "url" | "deadUrl">): Promise<unknown> {
  const given = globalThis as unknown as Pick<World, "fault" | "counts">;
  return show(title, { ...urls, fault: (act) => given.fault(act), counts: () => given.counts() });
}

/** A stream that broke and would wait for minutes is opened at once by what wakes a page: its messages, and whether it waited. */
export async function woken(url: string, by: "online" | "visibility"): Promise<unknown> {
  const given = globalThis as unknown as Pick<World, "fault"> & { wake(by: string): Promise<void> };
  const socket = open(url, "/hub", { reconnect: { firstMs: 100_000, floorMs: 100_000 } });
  const seen: Message[] = [];
  const waited: boolean[] = [];
  const notices = socket.notices();
  const waking = (async () => {
    for await (const notice of notices) {
      if (notice.type !== "waiting") continue;
      waited.push(notice.waitMs >= 100_000);
      await given.wake(by);
    }
  })();
  for await (const message of socket) {
    seen.push(message);
    if (seen.length === 2) break;
    await given.fault("reset");
  }
  await waking;
  return { seen, waited };
}

/** A consumer that takes one message and no more, of a server that does not stop, which a page cannot hold up. */
export async function overrun(url: string): Promise<unknown> {
  const socket = open(url, "/flood?count=1000&size=100000", { maxUnreadBytes: 1_000_000 });
  const notices = socket.notices();
  const messages = socket[Symbol.asyncIterator]();
  await messages.next();
  const given = globalThis as unknown as Pick<World, "counts">;
  while ((await given.counts()).open > 0);
  let read = 1;
  try {
    while (!(await messages.next()).done) read++;
  } catch {
    // The outcome tells.
  }
  for await (const notice of notices) if (notice.type === "closed") break;
  const { code, error, attempts } = await socket.outcome;
  return { code, limit: (error as StreamError).limit, attempts, few: read <= 11 };
}

/** Reads the feed of test/faults to its end: bytes as lists of numbers. With `pings`, silence is noticed. */
export async function readFeed(url: string, pings: boolean): Promise<unknown> {
  const numberOf = (message: Message): number =>
    typeof message === "string" ? Number.parseInt(message, 10) : (message[0] as number);
  const socket = open(url, "/", {
    timeouts: { connectMs: 200, headersMs: 200, totalMs: 60_000 },
    resume: { cursor: numberOf, apply: (request, since) => request.withQuery({ since }) },
    ...(pings && {
      ping: () => "still here?",
      heartbeat: (message) => message === "still here?",
      pingMs: 50,
      pongMs: 100,
    }),
  });
  const seen: unknown[] = [];
  try {
    for await (const message of socket) seen.push(typeof message === "string" ? message : [...message]);
  } catch {
    // The outcome tells.
  }
  const { code, attempts, error } = await socket.outcome;
  return { code, attempts, message: error instanceof Error ? error.message : "", seen };
}

/** As when a page is looked at again: a browser without a window never hides one. */
export function lookAgain(): void {
  document.dispatchEvent(new Event("visibilitychange"));
}
