import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { type BadItem, type Decoder, type EndOfBody, emptySink, type Framing, type Mark } from "@longwire/core";
import { everyCut } from "@longwire/core/testing";
import { checkFields, flag, oneOf } from "./checks.ts";

export type ConformanceFormat = "sse" | "ndjson" | "json-seq";

/** One body for a decoder to read. */
export interface ConformanceRun {
  readonly chunks: readonly Uint8Array[];
  /** How the end of the body is known. */
  readonly framing: Framing;
  /** What an item that cannot be read does. */
  readonly onBadItem: "throw" | "skip";
}

/** What a decoder made of a body. A field that it leaves out is not compared. */
export interface Decoding {
  /** Of SSE: objects with `type`, `data` and `lastEventId`, the rest of them is not compared. Else: the values. */
  readonly items?: readonly unknown[];
  readonly end?: EndOfBody | undefined;
  /** What stopped it, `undefined` when nothing did. Its `line` (from 1) and `byteOffset` (from 0) are compared, if it has them. */
  readonly error?: unknown;
  /** The places of the items that were skipped. */
  readonly skipped?: readonly { readonly line?: number; readonly byteOffset?: number }[];
  /** Blank lines. */
  readonly heartbeats?: number;
  readonly comments?: readonly string[];
  /** The last `retry:`. */
  readonly retryMs?: number | undefined;
  /** The id in force behind the last block. */
  readonly lastEventId?: string;
  /** Whether the end fell inside an event. */
  readonly unfinished?: boolean;
}

/** Where a decoder differs from a case. */
export interface ConformanceFailure {
  /** The name of the case. */
  readonly name: string;
  readonly cut: string;
  readonly framing: Framing;
  readonly onBadItem: "throw" | "skip";
  readonly field: keyof Decoding;
  readonly expected: unknown;
  readonly received: unknown;
}

export interface ConformanceOptions {
  /** Also cuts at every pair of bytes. Default `false`. */
  readonly pairs?: boolean | undefined;
}

/**
 * Runs the published cases of a format (`cases/*.json`: the WHATWG rules of event streams, RFC 8259 by lines, RFC 7464) against a
 * decoder, at every cut. It answers what failed, and nothing when all is well: any test runner can say so. `decode` may throw where
 * a run may; better it answers with `error` and the items before it.
 *
 * @throws TypeError on a format that there is none of, or a bad option
 *
 * @example
 * ```ts
 * import assert from "node:assert";
 * import { ndjsonDecoder } from "@longwire/ndjson";
 * import { conformance, decoding } from "@longwire/testing";
 *
 * assert.deepEqual(conformance("ndjson", decoding(({ onBadItem }) => ndjsonDecoder({ onBadItem }))), []);
 * ```
 */
export function conformance(
  format: ConformanceFormat,
  decode: (run: ConformanceRun) => Decoding,
  options: ConformanceOptions = {},
): ConformanceFailure[] {
  oneOf(Object.keys(expectations))("format", format);
  checkFields<ConformanceOptions>("The options object of conformance", options, { pairs: flag });
  const failures: ConformanceFailure[] = [];
  for (const { name, input, framing, onBadItem, ...expected } of expectations[format]()) {
    for (const { cut, chunks } of everyCut(input, options)) {
      const seen = attempt(format, () => decode({ chunks, framing, onBadItem }));
      for (const field of Object.keys(expected) as (keyof Decoding)[]) {
        if (!(field in seen) || agrees(field, expected[field], seen[field])) continue;
        failures.push({ name, cut, framing, onBadItem, field, expected: expected[field], received: seen[field] });
      }
    }
  }
  return failures;
}

/** Runs a Longwire decoder, made anew for each run, for {@link conformance}. Chunks are overwritten once pushed: it owns none. */
export function decoding<T>(make: (run: ConformanceRun) => Decoder<T>): (run: ConformanceRun) => Decoding {
  return (run) => {
    const sink = emptySink<T>();
    const decoder = make(run);
    const told = (): Decoding => ({ items: sink.items, ...fromMarks(sink.marks, sink.items) });
    try {
      for (const chunk of run.chunks) {
        decoder.push(chunk, sink);
        chunk.fill(0x23);
      }
      const end = decoder.end(run.framing, sink);
      return { ...told(), end, error: undefined };
    } catch (error) {
      return { ...told(), error };
    }
  };
}

function fromMarks(marks: readonly Mark[], items: readonly unknown[]): Decoding {
  const values = (kind: Mark["kind"]): unknown[] =>
    marks.filter((mark) => mark.kind === kind).map(({ value }) => value);
  const last = marks.findLast((mark) => mark.kind === "cursor" && mark.at === items.length)?.value;
  return {
    skipped: values("bad") as BadItem[],
    heartbeats: values("heartbeat").length,
    comments: values("comment") as string[],
    retryMs: values("retry").at(-1) as number | undefined,
    unfinished: values("unfinished").length > 0,
    lastEventId: String(last ?? (items.at(-1) as { lastEventId?: string } | undefined)?.lastEventId ?? ""),
  };
}

function attempt(format: ConformanceFormat, decode: () => Decoding): Decoding {
  try {
    const seen = decode();
    if (format !== "sse" || !seen.items) return seen;
    const events = seen.items as SseCase["events"];
    return { ...seen, items: events.map(({ type, data, lastEventId }) => ({ type, data, lastEventId })) };
  } catch (error) {
    return { error };
  }
}

/** A body, how it is read, and what must come of it. */
type Expectation = Decoding & Omit<ConformanceRun, "chunks"> & { readonly name: string; readonly input: string };

const framed = ["length", "chunked", "h2"] as const;
const unframed = ["close", "unknown"] as const;

const expectations: Readonly<Record<ConformanceFormat, () => Expectation[]>> = {
  sse: () =>
    cases<SseCase>("sse").map(({ name, input, events, lastEventId, unfinished, retryMs, comments = [] }) => ({
      ...({ name, input, framing: "chunked", onBadItem: "throw" } as const),
      ...{ items: events, lastEventId, unfinished, retryMs, comments, error: undefined },
      end: unfinished ? "truncated" : "ended",
    })),

  ndjson: () =>
    cases<NdjsonCase>("ndjson").flatMap(({ name, input, values, heartbeats = 0, error, end, ...given }) => {
      const stops = (given.unframed ? unframed : framed).map((framing): Expectation => {
        const run = { name, input, framing, onBadItem: "throw", items: values, error } as const;
        return error ? run : { ...run, heartbeats, end };
      });
      if (!error) return stops;
      const items = given.valuesWhenSkipping ?? values;
      const skips = { name, input, framing: "chunked", onBadItem: "skip", items, skipped: [error] } as const;
      return [...stops, { ...skips, error: undefined }];
    }),

  "json-seq": () =>
    cases<JsonSeqCase>("json-seq").flatMap(({ name, input, values, errors = 0 }) =>
      framed.flatMap((framing): Expectation[] => [
        {
          name,
          input,
          framing,
          onBadItem: "skip",
          items: values,
          skipped: Array.from({ length: errors }, () => ({})),
          end: "complete",
          error: undefined,
        },
        {
          name,
          input,
          framing,
          onBadItem: "throw",
          ...(errors === 0 ? { items: values, error: undefined } : { error: {} }),
        },
      ]),
    ),
};

interface SseCase {
  readonly name: string;
  readonly input: string;
  readonly events: readonly { readonly type: string; readonly data: string; readonly lastEventId: string }[];
  readonly lastEventId: string;
  readonly unfinished: boolean;
  readonly retryMs?: number;
  readonly comments?: readonly string[];
}

interface NdjsonCase {
  readonly name: string;
  readonly input: string;
  readonly unframed?: true;
  readonly values: readonly unknown[];
  readonly valuesWhenSkipping?: readonly unknown[];
  readonly heartbeats?: number;
  readonly error?: { readonly line: number; readonly byteOffset: number };
  readonly end?: EndOfBody;
}

interface JsonSeqCase {
  readonly name: string;
  readonly input: string;
  readonly values: readonly unknown[];
  readonly errors?: number;
}

function cases<Case>(format: ConformanceFormat): Case[] {
  return JSON.parse(readFileSync(new URL(`../cases/${format}.json`, import.meta.url), "utf8")) as Case[];
}

function agrees(field: keyof Decoding, expected: unknown, seen: unknown): boolean {
  if (field === "error")
    return expected === undefined || seen === undefined ? expected === seen : isLike(expected, seen);
  if (field !== "skipped" || !Array.isArray(expected) || !Array.isArray(seen)) return isDeepStrictEqual(expected, seen);
  return expected.length === seen.length && expected.every((place, at) => isLike(place, seen[at]));
}

/** Whether the fields that both have are equal. */
function isLike(expected: unknown, seen: unknown): boolean {
  const has = Object(seen) as Readonly<Record<string, unknown>>;
  return Object.entries(Object(expected)).every(([key, value]) => !(key in has) || isDeepStrictEqual(has[key], value));
}
