// The part of the untyped contenders that decode-ndjson.ts uses.

declare module "split2" {
  import type { Transform } from "node:stream";
  export default function split2(mapper: (line: string) => unknown): Transform;
}

declare module "ndjson" {
  import type { Transform } from "node:stream";
  const ndjson: { parse(): Transform };
  export default ndjson;
}
