import type { Cursor } from "@longwire/core";
import { encodeSse } from "@longwire/sse";
import { escapeControls } from "../escape-controls.ts";
import type { Item } from "./item.ts";
import type { JsonLine } from "./json-line.ts";
import type { Paint } from "../paint.ts";
import { paintJson } from "./paint-json.ts";

/** What is printed of an item: `--output`. */
export const outputs = ["pretty", "json", "data", "raw"] as const;
export type OutputForm = (typeof outputs)[number];

/** An item as it goes to stdout, its line end included. */
export type Printer = (item: Item) => string | Uint8Array;

export interface PrinterOptions {
  /** Used by `pretty`. */
  readonly paint: Paint;
  /** The resume point of a record; `undefined` where nothing names it. */
  readonly recordCursor?: ((record: JsonLine) => Cursor | undefined) | undefined;
}

export function printerFor(output: OutputForm, options: PrinterOptions): Printer {
  switch (output) {
    case "pretty":
      return prettyPrinter(options);
    case "json":
      return jsonPrinter(options);
    case "data":
      return printData;
    case "raw":
      return printRaw;
    default:
      return output satisfies never;
  }
}

/** What a person reads: colours on a terminal, and no control character that came over the wire. */
function prettyPrinter({ paint }: PrinterOptions): Printer {
  const utf8 = new TextDecoder();
  return (item) => {
    if (typeof item === "string") return `${escapeControls(item)}\n`;
    if (item instanceof Uint8Array) return escapeControls(utf8.decode(item, { stream: true }));
    if ("json" in item) return `${paintJson(escapeControls(item.json), paint)}\n`;
    const id = item.id === undefined ? "" : paint("dim", `#${escapeControls(item.id)} `);
    const type = item.type === "message" ? "" : `${paint("cyan", escapeControls(item.type))} `;
    const data = escapeControls(item.data).replaceAll("\n", "\n  ");
    return `${id}${type}${/^[[{]/.test(data) ? paintJson(data, paint) : data}\n`;
  };
}

/** One JSON object a line, with `type`, `data` and `id`; bytes as base64. */
function jsonPrinter({ recordCursor }: PrinterOptions): Printer {
  return (item) => {
    if (typeof item === "string") return object("line", JSON.stringify(item), null);
    if (item instanceof Uint8Array) return object("bytes", JSON.stringify(Buffer.from(item).toString("base64")), null);
    if ("json" in item) return object("record", item.json, recordCursor?.(item) ?? null);
    return object(item.type, JSON.stringify(item.data), item.lastEventId === "" ? null : item.lastEventId);
  };
}

/** `data` is JSON already, so that a record is the text that came. */
function object(type: string, data: string, id: Cursor | null): string {
  return `{"type":${JSON.stringify(type)},"data":${data},"id":${JSON.stringify(id)}}\n`;
}

function printData(item: Item): string | Uint8Array {
  if (typeof item === "string") return `${item}\n`;
  if (item instanceof Uint8Array) return item;
  return `${"json" in item ? item.json : item.data}\n`;
}

/** What came: an event as a block of SSE again, anything else as it was. */
function printRaw(item: Item): string | Uint8Array {
  if (typeof item === "string" || item instanceof Uint8Array || "json" in item) return printData(item);
  const { id, type, data } = item;
  return encodeSse({ id, type: type === "message" ? undefined : type, data });
}
