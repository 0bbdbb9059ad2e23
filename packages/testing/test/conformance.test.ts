import { StreamError } from "@longwire/core";
import { conformance, type Decoding, decoding, everyCut } from "../src/index.ts";
import { describe, expect, it } from "vitest";

describe("the conformance runner", () => {
  it("tells case, cut, field, what was expected and what came", () => {
    // Right but for CRLF, which it takes for LF and a character.
    const failures = conformance("ndjson", ({ chunks }) =>
      lines(chunks, (line) => JSON.parse(line.replace("\r", "?"))),
    );
    expect(new Set(failures.map(({ name }) => name))).toContain("CRLF line ends");
    expect(failures.find(({ name }) => name === "CRLF line ends")).toMatchObject({
      ...{ cut: "whole", framing: "length", onBadItem: "throw", field: "items" },
      ...{ expected: [{ a: 1 }, { a: 2 }], received: [] },
    });
  });

  it("catches a decoder that is right on the whole body only", () => {
    const failures = conformance("sse", ({ chunks }) => ({
      comments: chunks.length === 1 ? wholeComments(chunks) : ["?"],
    }));
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter(({ cut }) => cut === "whole")).toEqual([]);
  });

  it("compares what a decoder tells, and no more", () => {
    expect(conformance("json-seq", () => ({}))).toEqual([]);
    expect(new Set(conformance("json-seq", () => ({ end: "ended" })).map(({ field }) => field))).toEqual(
      new Set(["end"]),
    );
  });

  it("takes what is thrown for the decoder's error", () => {
    const failures = conformance("json-seq", () => {
      throw new StreamError("protocol", "never");
    });
    expect(failures.length).toBeGreaterThan(0);
    expect(new Set(failures.map(({ field, expected }) => `${field} ${expected}`))).toEqual(
      new Set(["error undefined"]),
    );
  });

  it("overwrites each chunk once it was pushed", () => {
    const kept: Uint8Array[] = [];
    const run = { chunks: [Uint8Array.of(1, 2)], framing: "chunked", onBadItem: "throw" } as const;
    decoding(() => ({ push: (chunk) => void kept.push(chunk), end: () => "complete" as const }))(run);
    expect(kept).toEqual([Uint8Array.of(0x23, 0x23)]);
  });
});

describe("every cut", () => {
  it("is all ways to cut, each with the same bytes", () => {
    const cuts = [...everyCut("ab€", { pairs: true })];
    const texts = cuts.map(({ chunks }) => Buffer.concat(chunks).toString());
    expect(new Set(texts)).toEqual(new Set(["ab€"]));
    expect(cuts).toHaveLength(3 + 2 * 6 + 6);
    expect(new Set(cuts.map(({ cut }) => cut)).size).toBe(cuts.length);
  });
});

function lines(chunks: readonly Uint8Array[], parse: (line: string) => unknown): Decoding {
  const text = Buffer.concat(chunks).toString().split("\n");
  try {
    return { items: text.filter((line) => line.trim() !== "").map(parse) };
  } catch {
    return { items: [] };
  }
}

function wholeComments(chunks: readonly Uint8Array[]): string[] {
  const text = Buffer.concat(chunks)
    .toString()
    .replace(/^\uFEFF/, "");
  const whole = text.split(/\r\n|\r|\n/).slice(0, -1);
  return whole.filter((line) => line.startsWith(":")).map((line) => line.slice(1).replace(/^ /, ""));
}
