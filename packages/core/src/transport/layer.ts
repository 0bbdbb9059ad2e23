import type { Transport } from "./transport.ts";

/** Contract 2: what happens before the headers (credentials, redirects, checks, tracing). It never touches a body it hands on. */
export type Layer = (next: Transport) => Transport;

/**
 * Puts layers around a transport; the first is the outermost, so it sees a request first and an answer last. `onWake` stays the
 * transport's.
 */
export function layered(transport: Transport, layers: readonly Layer[]): Transport {
  const outermost = layers.reduceRight((inner, layer) => layer(inner), transport);
  const { onWake } = transport;
  if (!onWake || outermost.onWake === onWake) return outermost;
  return Object.assign<Transport, Pick<Transport, "onWake">>((request, call) => outermost(request, call), { onWake });
}
