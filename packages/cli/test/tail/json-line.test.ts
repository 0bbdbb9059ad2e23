import { type Decoder, emptySink, type Framing, StreamError } from "@longwire/core";
import { jsonSeqDecoder, jsonSeqDialect, ndjsonDecoder, ndjsonDialect } from "@longwire/ndjson";
import { describe, expect, test } from "vitest";
import { type JsonLine, jsonLineDialect } from "../../src/tail/json-line.ts";
import { answer } from "./answer.ts";

const ndjsonBodies = {
  "plain records": '{"a":1}\n[2]\n"three"\nnull\n4\n',
  "CRLF, blank lines and a BOM": '\ufeff{"a":1}\r\n\r\n \t\n{"b": 2}\r\n',
  "a last line without LF": '{"a":1}\n{"b":"ü"}',
  "a cut last line": '{"a":1}\n{"b":',
  "a bad line": '{"a":1}\n{oops}\n{"c":3}\n',
  "numbers that no double holds": '{"id":12345678901234567890}\n{"price":1.10}\n',
};

const jsonSeqBodies = {
  "plain texts": '\x1e{"a":1}\n\x1e[2]\n\x1e"three"\n\x1enull\n\x1e4\n',
  "texts that only an RS ends, and RS after RS": '\x1e\x1e{"a":1}\x1e\n\x1e[2]\x1e',
  "texts of several lines": '\x1e{\n  "a": 1,\r\n  "b": [\n2]\n}\n\n\x1e[\n\n3\n]\n',
  "a last text without LF": '\x1e{"a":1}\n\x1e{"b":"ü"}',
  "a cut last text": '\x1e{"a":1}\n\x1e{"b":\n',
  "a bad text": '\x1e{"a":1}\n\x1e{oops}\n\x1e{"c":3}\n',
  "what no RS stands before": '\x1e{"a":1}\n{"b":2}\n\x1e{"c":3}\n',
};

const bodies = [
  ...Object.entries(ndjsonBodies).map(([name, body]) => ({ name, body, values: ndjsonDecoder, lines: lineDecoder })),
  ...Object.entries(jsonSeqBodies).map(([name, body]) => ({ name, body, values: jsonSeqDecoder, lines: seqDecoder })),
];

describe.each(bodies)("$name", ({ body, values, lines }) => {
  test.each(["chunked", "close"] as const)(
    "are the records that its decoder reads, at every cut, framed as %s",
    (framing) => {
      const bytes = new TextEncoder().encode(body);
      const expected = decoded(values(), [bytes], framing);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { items, ...rest } = decoded(lines(), [bytes.subarray(0, cut), bytes.subarray(cut)], framing);
        expect({ ...rest, items: items.map(({ json }) => JSON.parse(json) as unknown) }).toEqual(expected);
        expect(items.every(({ json }) => json === json.trim() && !json.includes("\n"))).toBe(true);
      }
    },
  );
});

test("a text of several lines is a record on one line, its numbers as they came", () => {
  const text = '\x1e{\r\n  "id": 12345678901234567890,\n  "x": "a\\nb"\n}\n';
  const { items } = decoded(seqDecoder(), [new TextEncoder().encode(text)], "chunked");
  expect(items).toEqual([{ json: '{   "id": 12345678901234567890,   "x": "a\\nb" }' }]);
});

test("the marker of a sequence is no record", () => {
  const { items, marks } = decoded(seqDecoder("END"), [new TextEncoder().encode("\x1e1\n\x1eEND\n\x1e2\n")], "chunked");
  expect(items).toEqual([{ json: "1" }, { json: "2" }]);
  expect(marks).toEqual([{ at: 1, kind: "marker" }]);
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
  return jsonLineDialect(ndjsonDialect({ marker })).decoder(answer(""), undefined);
}

function seqDecoder(marker?: string): Decoder<JsonLine> {
  return jsonLineDialect(jsonSeqDialect({ marker })).decoder(answer(""), undefined);
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
