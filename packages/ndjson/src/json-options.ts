import {
  type ByteLimit,
  byteLimit,
  checkedOnBadItem,
  checkedOnOversize,
  checkedSchema,
  type OnBadItem,
  type OnOversize,
  type StandardSchema,
} from "@longwire/core";

/** How JSON texts are read, as NDJSON and as a JSON text sequence. */
export interface JsonOptions<T = unknown> {
  /** Longest item in bytes, without its line end. From 1 to 268_435_456; default 16_777_216 (16 MiB). */
  maxItemBytes?: number | undefined;
  /**
   * What becomes of an item over `maxItemBytes`: `throw` ends the stream with `limit`; `skip` passes over it and tells it as a bad
   * item, of which only the first 1,024 bytes are kept. Default `throw`.
   */
  onOversize?: OnOversize | undefined;
  /**
   * What becomes of an item that is no JSON text, or that the schema refuses: `throw` ends the stream with `protocol`; `skip`
   * passes over it, and so does a function, which is called with it first. Default `throw`.
   */
  onBadItem?: OnBadItem | undefined;
  /** Checks each value; the item is what it answers with. It must not answer with a promise. Default: no check. */
  schema?: StandardSchema<T> | undefined;
  /** An item equal to this text ends the stream; it is compared before it is taken for JSON. Default: none. */
  marker?: string | undefined;
}

/** What `openNdjson` and `openJsonSeq` take of them: `marker` is made of `until`. */
export const jsonOptionNames: Readonly<Record<Exclude<keyof JsonOptions, "marker">, true>> = {
  maxItemBytes: true,
  onOversize: true,
  onBadItem: true,
  schema: true,
};

/** The options filled in. */
export interface CheckedJsonOptions<T> {
  readonly limit: ByteLimit;
  readonly onOversize: OnOversize;
  readonly onBadItem: OnBadItem;
  readonly schema: StandardSchema<T> | undefined;
  readonly marker: string | undefined;
}

/** Fills the options in. @throws TypeError, RangeError that print a bad one */
export function checkedJsonOptions<T>(options: JsonOptions<T>): CheckedJsonOptions<T> {
  const { marker } = options;
  const onBadItem = checkedOnBadItem(options.onBadItem);
  const schema = options.schema === undefined ? undefined : checkedSchema(options.schema);
  if (marker !== undefined && typeof marker !== "string") {
    throw new TypeError(`marker must be a string, got ${typeof marker} ${String(marker)}`);
  }
  const limit: ByteLimit = { name: "maxItemBytes", bytes: byteLimit("maxItemBytes", options.maxItemBytes) };
  return { limit, onOversize: checkedOnOversize(options.onOversize), onBadItem, schema, marker };
}
