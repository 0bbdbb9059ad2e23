import { type Decoder, emptySink, type Framing, StreamError } from "@longwire/core";
import { ndjsonDecoder } from "@longwire/ndjson";
import { describe, expect, test } from "vitest";
import { type JsonLine, jsonLineDialect } from "../src/json-line.ts";
import { answer } from "./answer.ts";

const bodies = {
  "plain records": '{"a":1}\n[2]\n"three"\nnull\n4\n',
  "CRLF, blank lines and a BOM": '\ufeff{"a":1}\r\n\r\n \t\n{"b": 2}\r\n',
  "a last line without LF": '{"a":1}\n{"b":"ü"}',
  "a cut last line": '{"a":1}\n{"b":',
  "a bad line": '{"a":1}\n{oops}\n{"c":3}\n',
  "numbers that no double holds": '{"id":12345678901234567890}\n{"price":1.10}\n',
};

describe.each(Object.entries(bodies))("%s", (_, body) => {
  test.each(["chunked", "close"] as const)(
    "are the records that NDJSON reads, at every cut, framed as %s",
    (framing) => {
      const bytes = new TextEncoder().encode(body);
      const expected = decoded(ndjsonDecoder(), [bytes], framing);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { items, ...rest } = decoded(lineDecoder(), [bytes.subarray(0, cut), bytes.subarray(cut)], framing);
        expect({ ...rest, items: items.map(({ json }) => JSON.parse(json) as unknown) }).toEqual(expected);
      }
    },
  );
});

test("a record is the text that came", () => {
  const { items } = decoded(
    lineDecoder(),
    [new TextEncoder().encode('{"id":12345678901234567890, "x":1.10}\r\n')],
    "chunked",
  );
  expect(items).toEqual([{ json: '{"id":12345678901234567890, "x":1.10}' }]);
});

test("the marker is no record", () => {
  const { items, marks } = decoded(
    lineDecoder("END"),
    [new TextEncoder().encode('{"a":1}\nEND\n{"b":2}\n')],
    "chunked",
  );
  expect(items).toEqual([{ json: '{"a":1}' }, { json: '{"b":2}' }]);
  expect(marks).toEqual([{ at: 1, kind: "marker" }]);
});

test("records come after those that are in the sink already", () => {
  const sink = emptySink<JsonLine>();
  sink.items.push({ json: "0" });
  lineDecoder().push(new TextEncoder().encode("1\n\n2\n"), sink);
  expect(sink).toEqual({ items: [{ json: "0" }, { json: "1" }, { json: "2" }], marks: [{ at: 2, kind: "heartbeat" }] });
});

function lineDecoder(marker?: string): Decoder<JsonLine> {
  return jsonLineDialect(marker).decoder(answer(""), undefined);
}

function decoded<T>(decoder: Decoder<T>, chunks: readonly Uint8Array[], framing: Framing) {
  const sink = emptySink<T>();
  try {
    for (const chunk of chunks) decoder.push(chunk, sink);
    return { ...sink, end: decoder.end(framing, sink) };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    return { ...sink, end: error.code };
  }
}
