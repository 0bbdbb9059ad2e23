import type { Framing } from "../transport/transport.ts";

/** Whether the framing itself says where the body ends, so that a clean end is the whole of it (RFC 9112 section 8). */
export function framed(framing: Framing): boolean {
  return framing === "length" || framing === "chunked" || framing === "h2";
}
