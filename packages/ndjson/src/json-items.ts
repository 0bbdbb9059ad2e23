import { type BadItem, checkedBy, type LinePlace, type Sink, StreamError } from "@longwire/core";
import { decodeUtf8 } from "@longwire/core/bytes";
import type { CheckedJsonOptions } from "./json-options.ts";

/** What becomes of JSON texts, however they were told apart: items, or bad items by the caller's policy. */
export interface JsonItems<T> {
  /** Puts a value in the sink, as the schema takes it. @throws StreamError `protocol`; TypeError when the schema makes it wait */
  accept(value: unknown, text: JsonText, sink: Sink<T>): void;
  /** Refuses a text that is no JSON. @throws StreamError `protocol` */
  refuse(reason: string, text: JsonText, sink: Sink<T>, cause?: unknown): void;
  /** Tells of an item that is passed over, whatever the policy for bad ones. */
  skip(bad: BadItem, sink: Sink<T>): void;
}

/** The text in hand. What is asked of it costs a search of its bytes. */
export interface JsonText {
  /** Whether it is no UTF-8. */
  malformed(): boolean;
  place(): LinePlace;
}

export function jsonItems<T>({ schema, onBadItem }: CheckedJsonOptions<T>): JsonItems<T> {
  function accept(value: unknown, text: JsonText, sink: Sink<T>): void {
    if (text.malformed()) return reject(notUtf8, text, sink);
    if (!schema) {
      sink.items.push(value as T);
      return;
    }
    const checked = checkedBy(schema, value);
    if (checked.reason === undefined) sink.items.push(checked.value);
    else reject(`the schema refuses it: ${checked.reason}`, text, sink);
  }

  function refuse(reason: string, text: JsonText, sink: Sink<T>, cause?: unknown): void {
    reject(text.malformed() ? notUtf8 : reason, text, sink, cause);
  }

  function reject(reason: string, text: JsonText, sink: Sink<T>, cause?: unknown): void {
    const { line, byteOffset, raw } = text.place();
    if (onBadItem !== "throw") return skip({ line, byteOffset, raw, reason }, sink);
    const message =
      `Cannot read the item on line ${line}, ${raw.length} bytes from byte ${byteOffset} on: ${reason}; it is ${excerpt(raw)}. ` +
      "To pass over such items, set onBadItem";
    throw new StreamError("protocol", message, { line, byteOffset, raw, cause });
  }

  function skip(bad: BadItem, sink: Sink<T>): void {
    sink.marks.push({ at: sink.items.length, kind: "bad", value: bad });
    if (typeof onBadItem === "function") onBadItem(bad);
  }

  return { accept, refuse, skip };
}

function excerpt(raw: Uint8Array): string {
  const text = decodeUtf8(raw, 0, Math.min(raw.length, excerptBytes));
  return JSON.stringify(raw.length > excerptBytes ? `${text}…` : text);
}

const notUtf8 = "it is not UTF-8";
const excerptBytes = 80;
