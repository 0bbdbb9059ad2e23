import { ServerResponse } from "node:http";
import { Http2ServerResponse } from "node:http2";
import { isNode } from "./is-node.ts";

/**
 * As `response.write`. Node writes a chunk of HTTP/1.1 in four parts, which cost more than what is in a short one: that one is framed here, and leaves
 * in one part. What wraps a response is given the piece as it is.
 */
export function writePiece(
  response: ServerResponse,
  piece: Uint8Array,
  written?: (error?: Error | null) => void,
): boolean {
  const isFramedHere = response.chunkedEncoding && response.headersSent && piece.length <= shortBytes;
  if (!isFramedHere || !isNode || !isUnwrapped(response)) return response.write(piece, written);
  response.chunkedEncoding = false;
  try {
    return response.write(piece.length > 0 ? chunkOf(piece) : piece, written);
  } finally {
    response.chunkedEncoding = true;
  }
}

/** Who wraps a response may keep what is written to it. */
export function isUnwrapped({ write }: ServerResponse | Http2ServerResponse): boolean {
  return write === ServerResponse.prototype.write || write === Http2ServerResponse.prototype.write;
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-7.1 */
function chunkOf(piece: Uint8Array): Uint8Array {
  const size = piece.length.toString(16);
  const chunk = Buffer.allocUnsafe(size.length + 2 + piece.length + 2);
  let at = chunk.write(`${size}\r\n`, "latin1");
  chunk.set(piece, at);
  at += piece.length;
  chunk[at] = 13;
  chunk[at + 1] = 10;
  return chunk;
}

const shortBytes = 16 * 1_024;
