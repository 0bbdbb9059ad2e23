import type { Transport } from "./transport.ts";

/** Contract 2: what happens before the headers (credentials, redirects, checks, tracing). It never touches a body it hands on. */
export type Layer = (next: Transport) => Transport;

/** Puts layers around a transport; the first is the outermost, so it sees a request first and an answer last. */
export function layered(transport: Transport, layers: readonly Layer[]): Transport {
  return layers.reduceRight((inner, layer) => layer(inner), transport);
}
