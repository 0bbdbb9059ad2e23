import { encodeNdjson } from "@longwire/ndjson";
import type { Encoding } from "./source.ts";

const utf8 = new TextEncoder();

/** Values as rows. */
export const ndjsonEncoding: Encoding<unknown> = {
  contentType: "application/x-ndjson",
  encode: (item) => utf8.encode(encodeNdjson(item)),
  heartbeat: utf8.encode("\n"),
};
