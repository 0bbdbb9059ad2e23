// What decoders of event streams got wrong in the field, one test each.

import { emptySink, StreamRequest } from "@longwire/core";
import { describe, expect, test } from "vitest";
import { decoded, everyCut } from "../../../core/test/decoding/every-cut.ts";
import type { ServerSentEvent } from "../../src/server-sent-event.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { sseDialect } from "../../src/sse-dialect.ts";
import { bytesOf } from "./model.ts";

/** What each chunk alone gives out. */
function byChunk(...chunks: string[]): string[][] {
  const decoder = sseDecoder();
  return chunks.map((chunk) => {
    const sink = emptySink<ServerSentEvent>();
    decoder.push(bytesOf(chunk), sink);
    return sink.items.map((event) => event.data);
  });
}

test("truncation looks like completion: an end inside an event is truncated under every framing, and none is complete", () => {
  for (const framing of ["length", "chunked", "h2", "close", "unknown"] as const) {
    expect(decoded(sseDecoder(), [bytesOf("data: half\n")], framing).end).toBe("truncated");
    expect(decoded(sseDecoder(), [bytesOf("data: whole\n\n")], framing).end).toBe("ended");
  }
});

test("a half event delivered: what the end cut off is no item", () => {
  for (const { chunks } of everyCut("data: a\n\ndata: half")) {
    expect(decoded(sseDecoder(), chunks).items.map((event) => event.data)).toEqual(["a"]);
  }
});

describe("an event held back until the chunk ends on a line boundary", () => {
  test("an event is out with the first byte of its blank line, whatever follows in the chunk", () => {
    expect(byChunk("data: a\n", "\ndata: b")).toEqual([[], ["a"]]);
    expect(byChunk("data: a\n\ndata: b\n\nda", "ta: c\n\nd")).toEqual([["a", "b"], ["c"]]);
    expect(byChunk("data: a\r\n\r\ndata: b\r\n")).toEqual([["a"]]);
  });

  test("also in a chunk of many KiB, and in the middle of a multi-byte character", () => {
    const large = "data: 0123456789\n\n".repeat(4_000);
    const decoder = sseDecoder();
    const sink = emptySink<ServerSentEvent>();
    decoder.push(bytesOf(large, "data: ", Uint8Array.of(0xe2, 0x82)), sink);
    expect(sink.items).toHaveLength(4_000);
    decoder.push(bytesOf(Uint8Array.of(0xac), "\n\n"), sink);
    expect(sink.items.at(-1)?.data).toBe("€");
  });
});

describe("a trailing CR that waits for the next byte", () => {
  test("a CR ends its line at once", () => {
    expect(byChunk("data: a\r\r")).toEqual([["a"]]);
    expect(byChunk("data: a\r\n\r", "\ndata: b\r\n\r", "\n")).toEqual([["a"], ["b"], []]);
  });

  test("and swallows one LF later, not two", () => {
    expect(byChunk("data: a\r", "\n", "data: b\r\n\r\n")).toEqual([[], [], ["a\nb"]]);
    expect(byChunk("data: a\r", "\n\n")).toEqual([[], ["a"]]);
    expect(byChunk("data: a\r", "", "\n", "\n")).toEqual([[], [], [], ["a"]]);
  });

  test("and nothing but an LF", () => {
    expect(byChunk("data: a\r", "\rdata: b\r", "data: c\n\n")).toEqual([[], ["a"], ["b\nc"]]);
  });
});

test("BOM: one at the very start is dropped at every cut, any later one is text", () => {
  for (const { cut, chunks } of everyCut("\ufeffdata: a\n\n\ufeffdata: b\ndata: \ufeffc\n\n")) {
    expect(
      decoded(sseDecoder(), chunks).items.map((event) => event.data),
      cut,
    ).toEqual(["a", "\ufeffc"]);
  }
  for (const { cut, chunks } of everyCut("\ufeff\ufeffdata: a\n\n"))
    expect(decoded(sseDecoder(), chunks).items, cut).toEqual([]);
});

test("a beginning that is only part of a BOM is a line like any other", () => {
  for (const { cut, chunks } of everyCut(bytesOf(Uint8Array.of(0xef, 0xbb), ":\ndata: a\n\n"))) {
    expect(decoded(sseDecoder(), chunks), cut).toMatchObject({ items: [{ data: "a" }], marks: [], end: "ended" });
  }
});

test("`retry: 10x` taken as 10: only digits are a wait", () => {
  const input =
    "retry: 10x\nretry: -1\nretry: 1.5\nretry: 1e3\nretry:  5\nretry: ٣\nretry:\nretry\nretry: 0\nretry:250\n\n";
  for (const { cut, chunks } of everyCut(input)) {
    expect(
      decoded(sseDecoder(), chunks).marks.map((mark) => mark.value),
      cut,
    ).toEqual([0, 250]);
  }
});

test("ids with NUL taken: the id before stays, and the event carries none", () => {
  for (const { cut, chunks } of everyCut("id: 1\n\nid: 2\0\ndata: a\n\n")) {
    expect(decoded(sseDecoder(), chunks).items, cut).toEqual([
      { type: "message", data: "a", lastEventId: "1", id: undefined },
    ]);
  }
});

test("line caps that miss a long line which ends inside the chunk", () => {
  const long = `data: ${"x".repeat(2_000)}\n\n`;
  for (const chunks of [[long], [`data: a\n\n${long}data: b\n\n`], ["data: ", `${"x".repeat(2_000)}\n\n`]]) {
    const { error } = decoded(
      sseDecoder({ maxItemBytes: 1_000 }),
      chunks.map((chunk) => bytesOf(chunk)),
    );
    expect(error).toMatchObject({ code: "limit", limit: "maxItemBytes" });
  }
});

test("blank lines that throw, or make events: they make nothing", () => {
  for (const { cut, chunks } of everyCut("\n\r\n\r\r\n\n")) {
    expect(decoded(sseDecoder(), chunks), cut).toEqual({ items: [], marks: [], end: "ended" });
  }
});

test("`event: ping` without data is a sign of life, and its name is forgotten", () => {
  for (const { cut, chunks } of everyCut("event: ping\n\ndata: a\n\n")) {
    expect(decoded(sseDecoder(), chunks), cut).toMatchObject({
      items: [{ type: "message" }],
      marks: [{ at: 0, kind: "heartbeat" }],
    });
  }
});

test("cursor lost when a resumed stream drops before a new id: the id resumed from stays in force", () => {
  const [first] = decoded(sseDecoder({ cursor: "41" }), [bytesOf("data: a\n\n")]).items;
  expect(sseDialect().cursorOf?.(first as ServerSentEvent)).toBe("41");
});

test("bookmarks: an id without an item moves the cursor", () => {
  expect(decoded(sseDecoder(), [bytesOf("data: a\n\nid: 9\n\n")]).marks).toEqual([
    { at: 1, kind: "cursor", value: "9" },
  ]);
});

test("bookmarks that cannot travel in a header: a sign of life, which leaves the cursor where it was", () => {
  for (const { cut, chunks } of everyCut("id: 1\n\nid: 2\u0001\n\n")) {
    expect(decoded(sseDecoder(), chunks).marks, cut).toEqual([
      { at: 0, kind: "cursor", value: "1" },
      { at: 0, kind: "heartbeat" },
    ]);
  }
});

test("Last-Event-ID with non-ASCII text not sent as UTF-8", () => {
  const request = sseDialect().resume?.(new StreamRequest({ url: "https://a.example/" }), "é豆😀");
  const header = request?.headers["last-event-id"] as string;
  expect(new TextDecoder().decode(Uint8Array.from(header, (character) => character.charCodeAt(0)))).toBe("é豆😀");
  expect(header).toMatch(/^[\x20-\xff]+$/);
});

test("a 500 HTML page parsed as events: no type but text/event-stream is accepted", () => {
  const { accepts } = sseDialect();
  expect(["text/html", "application/json", "text/plain", "application/octet-stream", ""].filter(accepts)).toEqual([]);
  expect(accepts("text/event-stream")).toBe(true);
});
