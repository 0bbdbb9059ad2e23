import type { Decoder } from "../frames/decoder.ts";
import { framed } from "../frames/framed.ts";
import type { Dialect } from "./dialect.ts";

/** The chunks of a body of any media type, as they come. The body is asked for without content coding: its bytes are counted. */
export function bytesDialect(): Dialect<Uint8Array> {
  return {
    name: "bytes",
    accept: "*/*",
    acceptEncoding: "identity",
    idleMs: 60_000,
    accepts: () => true,
    decoder: () => bytesDecoder,
  };
}

/** Remembers nothing, so one serves all. */
const bytesDecoder: Decoder<Uint8Array> = {
  push(chunk, sink) {
    if (chunk.length > 0) sink.items.push(chunk);
  },
  end: (framing) => (framed(framing) ? "complete" : "ended"),
};
