import type { EventStream } from "../../src/consumer/event-stream.ts";
import type { Dialect } from "../../src/events/dialect.ts";
import { framed } from "../../src/frames/framed.ts";
import { lineSplitter } from "../../src/frames/lines.ts";
import type { Decoder, Sink } from "../../src/frames/decoder.ts";
import { openStream } from "../../src/open.ts";
import type { StreamOptions } from "../../src/options.ts";
import {
  type FakeClock,
  fakeClock,
  type Script,
  scriptedTransport,
  type ScriptedTransport,
} from "../../src/testing/index.ts";

/** An event of the smallest protocol that has all a session knows of. */
export interface Tick {
  readonly id: string | undefined;
  readonly text: string;
}

/**
 * A line each: `text` and `7=text` are events, the second with an id; `:text` a comment, `~50` a wait for the next reconnect,
 * `@7` a bookmark, and an empty line a heartbeat. `endless`: as in SSE the end of a body is no end of the stream.
 */
export function ticks({ endless = true }: { readonly endless?: boolean } = {}): Dialect<Tick> {
  return {
    name: "ticks",
    accept: "text/tick",
    endless,
    accepts: (mediaType) => mediaType === "" || mediaType === "text/tick",
    decoder: () => tickDecoder(endless),
    cursorOf: ({ id }) => id,
    resume: (request, cursor) => request.withHeader("last-id", String(cursor)),
    textOf: ({ text }) => text,
    typeOf: ({ text }) => text.split(" ")[0] as string,
  };
}

function tickDecoder(endless: boolean): Decoder<Tick> {
  const lines = lineSplitter<Sink<Tick>>({ name: "maxItemBytes", bytes: 1_000 }, (line, { items, marks }) => {
    const at = items.length;
    const value = line.slice(1);
    if (line === "") marks.push({ at, kind: "heartbeat" });
    else if (line.startsWith(":")) marks.push({ at, kind: "comment", value });
    else if (line.startsWith("~")) marks.push({ at, kind: "retry", value: Number(value) });
    else if (line.startsWith("@")) marks.push({ at, kind: "cursor", value });
    else items.push(tick(line));
  });
  return {
    push: lines.push,
    end(framing, { items, marks }) {
      const rest = lines.rest();
      if (rest !== "") marks.push({ at: items.length, kind: "unfinished", value: tick(rest) });
      if (rest !== "") return "truncated";
      return !endless && framed(framing) ? "complete" : "ended";
    },
  };
}

function tick(line: string): Tick {
  const [, id, text = line] = /^(\w+)=(.*)$/.exec(line) ?? [];
  return { id, text };
}

export interface Rig<T> {
  readonly stream: EventStream<T>;
  readonly clock: FakeClock;
  readonly transport: ScriptedTransport;
}

export type RigOptions<T> = StreamOptions<T> & { readonly hidden?: boolean };

/** A stream of ticks on a fake clock and a scripted transport. The dice show 0: a wait is its floor. */
export function streamOf(script: Script, options: RigOptions<Tick> & { readonly endless?: boolean } = {}): Rig<Tick> {
  return rig(ticks({ endless: options.endless ?? true }), script, options);
}

export function rig<T>(dialect: Dialect<T>, script: Script, { hidden, ...options }: RigOptions<T> = {}): Rig<T> {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock, hidden });
  const stream = openStream("https://a.example/ticks?key=secret", dialect, {
    clock,
    random: () => 0,
    transport,
    ...options,
  });
  return { stream, clock, transport };
}

/** What a reader has seen: its items, and how its loop ended. */
export interface Reading<T> {
  readonly items: T[];
  end: "reading" | "done" | { readonly thrown: unknown };
}

/** Reads in the background, an item as soon as there is one. */
export function reading<T>(source: AsyncIterable<T>): Reading<T> {
  const seen: Reading<T> = { items: [], end: "reading" };
  void (async () => {
    try {
      for await (const item of source) seen.items.push(item);
      seen.end = "done";
    } catch (thrown) {
      seen.end = { thrown };
    }
  })();
  return seen;
}

/** The texts of ticks. */
export function texts(items: readonly Tick[]): string[] {
  return items.map(({ text }) => text);
}

/** What a promise came to, once all promise jobs are done. */
export async function settled(promise: Promise<unknown>, clock: FakeClock): Promise<unknown> {
  let result: unknown = "pending";
  promise.then(
    (value) => {
      result = value;
    },
    (thrown: unknown) => {
      result = { thrown };
    },
  );
  await clock.advance(0);
  return result;
}

/** The timers of the clock and the exchanges of the transport that are left: none, when nothing leaks. */
export function left({ clock, transport }: Pick<Rig<unknown>, "clock" | "transport">): {
  timers: number;
  exchanges: number;
} {
  return { timers: clock.pending, exchanges: transport.open };
}

export const nothingLeft = { timers: 0, exchanges: 0 };
