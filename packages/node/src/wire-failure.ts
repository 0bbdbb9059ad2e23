/** Why a request broke off, where no error of the socket or of undici says it. */
export class WireFailure extends Error {
  /**
   * `unprocessed`: the server says that it did nothing with the request; `closed`: the connection was closed below it; `reset`: the server
   * ended it, a PING without an answer, or we; `short`: the body has not the bytes that its content-length says; `malformed`: it is not as
   * HTTP/2 allows.
   */
  readonly kind: "unprocessed" | "closed" | "reset" | "short" | "malformed";

  constructor(kind: WireFailure["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
