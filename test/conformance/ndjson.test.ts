import { readFileSync } from "node:fs";
import { StreamError } from "@longwire/core";
import { ndjsonDecoder } from "@longwire/ndjson";
import { describe, expect, test } from "vitest";
import { decoded, everyCut } from "../../packages/core/test/decoding/every-cut.ts";

interface Case {
  readonly name: string;
  readonly input: string;
  readonly unframed?: true;
  /** `null`: see `check`. */
  readonly values: readonly unknown[] | null;
  readonly valuesWhenSkipping?: readonly unknown[];
  readonly heartbeats?: number;
  readonly error?: { readonly line: number; readonly byteOffset: number };
  readonly end?: "complete" | "ended" | "truncated";
  readonly check?: string;
}

const cases = JSON.parse(readFileSync(new URL("cases/ndjson.json", import.meta.url), "utf8")) as Case[];

describe.each(cases)("$name", ({ input, unframed, values, heartbeats = 0, error, end, check }) => {
  const framings = unframed ? (["close", "unknown"] as const) : (["length", "chunked", "h2"] as const);

  test.each(framings)("at every cut, framing %s", (framing) => {
    for (const { cut, chunks } of everyCut(input)) {
      const result = decoded(ndjsonDecoder(), chunks, framing);
      if (values) expect(result.items, cut).toStrictEqual(values);
      else expectOwnProto(result.items);
      if (error) {
        expect(result.error, cut).toBeInstanceOf(StreamError);
        expect(result.error, cut).toMatchObject({ code: "protocol", ...error });
      } else {
        expect(result.error, cut).toBeUndefined();
        expect(result.end, cut).toBe(end);
        expect(
          result.marks.filter((mark) => mark.kind === "heartbeat"),
          cut,
        ).toHaveLength(heartbeats);
      }
    }
  });

  test("no case is checked in a way this test does not know", () => {
    expect(check).toBe(values ? undefined : "own property __proto__; Object.prototype unchanged");
  });
});

const withBadItems = cases.filter((known) => known.error);

test.each(withBadItems)(
  "$name: skipped and told at every cut",
  ({ input, error, values, valuesWhenSkipping = values }) => {
    for (const { cut, chunks } of everyCut(input)) {
      const result = decoded(ndjsonDecoder({ onBadItem: "skip" }), chunks);
      expect(result.items, cut).toStrictEqual(valuesWhenSkipping);
      expect(result.marks, cut).toMatchObject([{ kind: "bad", value: error }]);
    }
  },
);

function expectOwnProto(items: unknown[]): void {
  expect(items).toHaveLength(1);
  expect(Object.getOwnPropertyDescriptor(items[0], "__proto__")?.value).toEqual({ x: 1 });
  expect(Object.getPrototypeOf(items[0])).toBe(Object.prototype);
  expect("x" in {}).toBe(false);
}
