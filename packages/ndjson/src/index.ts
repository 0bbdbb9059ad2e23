export { encodeNdjson } from "./ndjson-encoder.ts";
export { ndjsonDecoder } from "./ndjson-decoder.ts";
export type { NdjsonOptions } from "./ndjson-options.ts";
export { ndjsonDialect } from "./ndjson-dialect.ts";
export type { NdjsonDialectOptions, NdjsonResume } from "./ndjson-dialect.ts";
export { openNdjson } from "./open-ndjson.ts";
export type { OpenNdjsonOptions } from "./open-ndjson.ts";
