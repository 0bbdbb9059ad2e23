import type { IncomingHttpHeaders } from "node:http";
import type { Proxy } from "./proxy.ts";

/** A proxy was of no help: it could not be reached (then `cause` says why), or it answered `CONNECT` and opened no tunnel. */
export class ProxyFailure extends Error {
  readonly proxy: Proxy;
  readonly answer: { readonly status: number; readonly headers: IncomingHttpHeaders } | undefined;

  constructor(proxy: Proxy, why: { readonly cause: unknown } | NonNullable<ProxyFailure["answer"]>) {
    super(`The proxy ${proxy.shown} opened no way`, "cause" in why ? { cause: why.cause } : undefined);
    this.proxy = proxy;
    this.answer = "cause" in why ? undefined : why;
  }
}
