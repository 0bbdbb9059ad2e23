import { readFileSync } from "node:fs";
import type { Mark } from "@longwire/core";
import { type ServerSentEvent, sseDecoder } from "@longwire/sse";
import { describe, expect, test } from "vitest";
import { type Decoded, decoded, everyCut } from "../../packages/core/test/decoding/every-cut.ts";

interface Case {
  readonly name: string;
  readonly input: string;
  readonly events: readonly { readonly type: string; readonly data: string; readonly lastEventId: string }[];
  readonly lastEventId: string;
  readonly unfinished: boolean;
  readonly retryMs?: number;
  readonly comments?: readonly string[];
}

const cases = JSON.parse(readFileSync(new URL("cases/sse.json", import.meta.url), "utf8")) as Case[];

describe.each(cases)("$name", (known) => {
  test("at every cut", () => {
    for (const { cut, chunks } of everyCut(known.input)) expectCase(decoded(sseDecoder(), chunks), known, cut);
  });

  test("at every pair of cuts", () => {
    const bytes = new TextEncoder().encode(known.input);
    for (let first = 1; first < bytes.length; first++) {
      for (let second = first + 1; second < bytes.length; second++) {
        const chunks = [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
        expectCase(decoded(sseDecoder(), chunks), known, `at bytes ${first} and ${second}`);
      }
    }
  });
});

function expectCase({ items, marks, end, error }: Decoded<ServerSentEvent>, known: Case, cut: string): void {
  expect(error, cut).toBeUndefined();
  expect(
    items.map(({ type, data, lastEventId }) => ({ type, data, lastEventId })),
    cut,
  ).toStrictEqual(known.events);
  expect(end, cut).toBe(known.unfinished ? "truncated" : "ended");
  expect(values(marks, "unfinished"), cut).toHaveLength(known.unfinished ? 1 : 0);
  expect(values(marks, "comment"), cut).toStrictEqual(known.comments ?? []);
  expect(values(marks, "retry").at(-1), cut).toBe(known.retryMs);
  expect(lastId(items, marks), cut).toBe(known.lastEventId);
}

function values(marks: readonly Mark<ServerSentEvent>[], kind: Mark["kind"]): unknown[] {
  return marks.filter((mark) => mark.kind === kind).map((mark) => mark.value);
}

function lastId(items: readonly ServerSentEvent[], marks: readonly Mark<ServerSentEvent>[]): unknown {
  return items.at(-1)?.lastEventId ?? values(marks, "cursor").at(-1) ?? "";
}
