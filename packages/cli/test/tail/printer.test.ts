import { describe, expect, test } from "vitest";
import type { Item } from "../../src/tail/item.ts";
import type { Paint } from "../../src/paint.ts";
import { type OutputForm, printerFor } from "../../src/tail/printer.ts";
import { recordCursor } from "../../src/tail/record-cursor.ts";

const plain: Paint = (_, text) => text;
const tagged: Paint = (colour, text) => `<${colour}>${text}</>`;

const price: Item = { type: "price", data: '{"eur":1.10}', lastEventId: "7", id: "7" };
const message: Item = { type: "message", data: "one\ntwo", lastEventId: "7", id: undefined };
const record: Item = { json: '{"seq":3, "big":18446744073709551616}' };
const bytes: Item = new Uint8Array([0xc3, 0xa4, 0x0a, 0xff]);

describe("data", () => {
  test("is the item's own text, or its bytes as they are", () => {
    expect(printed("data", price, message, record, "a line")).toEqual([
      '{"eur":1.10}\n',
      "one\ntwo\n",
      `${record.json}\n`,
      "a line\n",
    ]);
    expect(printed("data", bytes)).toEqual([bytes]);
  });

  test("is not escaped: it goes to a program", () => {
    expect(printed("data", "\u001b[2J")).toEqual(["\u001b[2J\n"]);
  });
});

describe("raw", () => {
  test("is an event as SSE again, with the id that it gave itself", () => {
    expect(printed("raw", price, message).map(fields)).toEqual([
      ['data: {"eur":1.10}', "event: price", "id: 7"],
      ["data: one", "data: two"],
    ]);
  });

  test("is all else as it came", () => {
    expect(printed("raw", record, "a line", bytes)).toEqual([`${record.json}\n`, "a line\n", bytes]);
  });
});

describe("json", () => {
  test("is one object a line with type, data and id", () => {
    const lines = printed("json", price, message, record, "a line", bytes).map(String);
    for (const line of lines) expect(line).toMatch(/^[^\n]*\n$/);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { type: "price", data: '{"eur":1.10}', id: "7" },
      { type: "message", data: "one\ntwo", id: "7" },
      { type: "record", data: { seq: 3, big: 2 ** 64 }, id: null },
      { type: "line", data: "a line", id: null },
      { type: "bytes", data: "w6QK/w==", id: null },
    ]);
  });

  test("keeps the text of a record, and names its cursor when it is known where that is", () => {
    const print = printerFor("json", { paint: plain, recordCursor: recordCursor("seq") });
    expect(print(record)).toBe(`{"type":"record","data":${record.json},"id":3}\n`);
  });

  test("says null where no id is in force", () => {
    const [line] = printed("json", { type: "message", data: "", lastEventId: "", id: undefined });
    expect(line).toBe('{"type":"message","data":"","id":null}\n');
  });
});

describe("pretty", () => {
  test("is id, type and data, and more lines of data indented", () => {
    expect(printed("pretty", price, message, record, "a line")).toEqual([
      '#7 price {"eur":1.10}\n',
      "one\n  two\n",
      `${record.json}\n`,
      "a line\n",
    ]);
  });

  test("prints control characters by their number, in ids, types, data, records, lines and bytes", () => {
    const evil = "\u001b]0;x\u0007";
    const event: Item = { type: evil, data: evil, lastEventId: evil, id: evil };
    const all = printed("pretty", event, { json: `"\u007f\u009b"` }, evil, new TextEncoder().encode(evil)).join("");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    expect(all).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(all).toContain("\\x1b]0;x\\x07 \\x1b]0;x\\x07\n");
  });

  test("colours what it prints, and its own colours only", () => {
    const print = printerFor("pretty", { paint: tagged });
    expect(print(price)).toBe('<dim>#7 </><cyan>price</> {<cyan>"eur"</>:<yellow>1.10</>}\n');
    expect(print({ json: '{"a":"b\\"c","d":[true,null,-1.5e3]}' })).toBe(
      '{<cyan>"a"</>:<green>"b\\"c"</>,<cyan>"d"</>:[<yellow>true</>,<yellow>null</>,<yellow>-1.5e3</>]}\n',
    );
  });

  test("puts characters together that two chunks share", () => {
    const print = printerFor("pretty", { paint: plain });
    expect([print(new Uint8Array([0x61, 0xc3])), print(new Uint8Array([0xa4, 0x0a]))]).toEqual(["a", "ä\n"]);
  });
});

function printed(form: OutputForm, ...items: Item[]): (string | Uint8Array)[] {
  return items.map(printerFor(form, { paint: plain }));
}

/** The lines of a block, in any order; it must end with a blank one. */
function fields(block: string | Uint8Array): string[] {
  expect(block).toMatch(/[^\n]\n\n$/);
  return String(block).trimEnd().split("\n").sort();
}
