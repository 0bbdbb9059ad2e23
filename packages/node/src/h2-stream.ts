import { validateHeaderName, validateHeaderValue } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import { StreamError } from "@longwire/core";
import { errors } from "undici";
import type { Carried, Controller, Outgoing } from "./connection.ts";
import type { H2Connection } from "./h2-connection.ts";
import { SourceBody } from "./request-body.ts";
import { WireFailure } from "./wire-failure.ts";

/** One request on a connection of HTTP/2, and its answer. Its headers leave at once, whatever body comes behind them. */
export class H2Stream implements Controller {
  readonly #connection: H2Connection;
  readonly #stream: ClientHttp2Stream;
  readonly #exchange: Carried;
  readonly #bodiless: boolean;
  /** The answer came to the end that the server gave it. */
  #whole = false;
  #over = false;
  #error: Error | undefined;
  /** What its content-length leaves to come. */
  #leftBytes: number | undefined;
  /** What the connection had read when this stream was begun, or last had a byte. */
  #heardBytes: number;

  /** @throws Error by Node when the headers cannot be sent */
  constructor(connection: H2Connection, session: ClientHttp2Session, url: URL, outgoing: Outgoing, exchange: Carried) {
    this.#connection = connection;
    this.#exchange = exchange;
    this.#bodiless = outgoing.method === "HEAD";
    this.#heardBytes = connection.socket.bytesRead;
    const { body } = outgoing;
    const stream = session.request(fieldsOf(url, outgoing), { endStream: body === undefined });
    this.#stream = stream;
    this.#watchEnd();
    stream.on("response", (fields) => this.#takeHead(fields));
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("end", () => this.#takeEnd());
    // `close` tells of every end.
    stream.on("error", (error) => {
      this.#error = error;
    });
    stream.on("close", () => this.#closed());
    if (body instanceof SourceBody) void this.#send(body, outgoing.headers["content-length"]);
    else if (body !== undefined) stream.end(body);
  }

  /** Tells the exchange that its request is on its way. */
  begin(): void {
    this.#exchange.onRequestStart(this);
  }

  pause(): void {
    // What is left is here already, and would be lost if the connection was closed before it is read.
    if (!this.#whole) this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancel();
    this.#connection.givenUp(this.#heardBytes, reason instanceof StreamError);
  }

  #takeHead(fields: Record<string, string | string[] | number | undefined>): void {
    if (this.#over) return;
    const { ":status": status, ...headers } = fields;
    const headBytes = sizeOf(headers);
    if (headBytes > mostHeadBytes) {
      const why = `the head of the answer has ${headBytes} bytes, and ${mostHeadBytes} are the limit, so it broke off`;
      return this.#fail(new WireFailure("malformed", why));
    }
    const length = headers["content-length"];
    if (length !== undefined && !this.#bodiless && status !== 304) this.#leftBytes = Number(length);
    this.#heard();
    this.#exchange.onResponseStart(this, Number(status), headers as Record<string, string | string[]>);
  }

  #fail(error: Error): void {
    this.#over = true;
    this.#cancel();
    this.#exchange.onResponseError(this, error);
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#heard();
    if (this.#leftBytes !== undefined) this.#leftBytes -= chunk.length;
    this.#exchange.onResponseData(this, chunk);
  }

  #takeEnd(): void {
    if (!this.#whole || this.#over) return;
    this.#over = true;
    // Both sides are at their end: Node's `close` comes turns later, and would keep the next request from its place.
    if (this.#stream.writableFinished) this.#connection.ended(this);
    this.#exchange.onResponseEnd();
    // An answer that is whole makes what was still to be sent of no use: RFC 9113 section 8.1.
    if (!this.#stream.writableEnded) this.#cancel();
  }

  /** Node's `close` ends the writable side first, which would tell the server that a body which is cut was whole: so that sends nothing. */
  #cancel(): void {
    const stream = this.#stream;
    if (!stream.writableEnded) stream._final = (done) => done();
    stream.close(constants.NGHTTP2_CANCEL);
  }

  #closed(): void {
    if (!this.#over) {
      this.#over = true;
      this.#exchange.onResponseError(this, this.#failure());
    }
    this.#connection.ended(this);
  }

  #failure(): Error {
    const { id, rstCode = 0 } = this.#stream;
    if (rstCode === constants.NGHTTP2_REFUSED_STREAM) {
      return new WireFailure("unprocessed", "the server refused the stream and did not process the request");
    }
    const known = this.#connection.failureOf(id, this.#error);
    if (known) return known;
    // So nghttp2 itself resets a stream whose end comes before or behind what its content-length says.
    if (this.#leftBytes && rstCode === constants.NGHTTP2_PROTOCOL_ERROR) {
      return new WireFailure("short", `it ended with ${this.#leftBytes} bytes of its content-length to come,`);
    }
    const remedy = rstCode === constants.NGHTTP2_HTTP_1_1_REQUIRED ? " (give allowH2: false)" : "";
    return new WireFailure("reset", `the server reset the stream: ${codeName(rstCode)}${remedy}`);
  }

  #heard(): void {
    this.#heardBytes = this.#connection.socket.bytesRead;
  }

  /**
   * Node ends a stream that the server reset with NO_ERROR as well as one that came to its end. Only who pushes the end can tell: by then a
   * stream that was reset is closed already.
   */
  #watchEnd(): void {
    const stream = this.#stream;
    const push = stream.push;
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && !stream.closed) {
        this.#whole = true;
        stream.resume();
      }
      return push.call(stream, chunk, encoding);
    };
  }

  /** Sent on, it would be malformed, which costs a stream at best, and with some servers the connection: RFC 9113 section 8.1.1. */
  #misstated(how: "more" | "fewer"): void {
    if (this.#over) return;
    const why = `its body has ${how} bytes than its content-length says`;
    this.#fail(new errors.RequestContentLengthMismatchError(why));
  }

  async #send(source: SourceBody, length: string | undefined): Promise<void> {
    const stream = this.#stream;
    let leftBytes = length === undefined ? undefined : Number(length);
    try {
      for await (const chunk of source) {
        if (stream.destroyed || stream.closed) return;
        if (leftBytes !== undefined) leftBytes -= chunk.length;
        if (leftBytes !== undefined && leftBytes < 0) return this.#misstated("more");
        if (!stream.write(chunk)) await writable(stream);
      }
      if (leftBytes) return this.#misstated("fewer");
      stream.end();
    } catch {
      // The source failed, which its exchange knows, or it was let go.
      if (!stream.closed) this.#cancel();
    }
  }
}

/** Longest head of an answer that is read, as RFC 9113 section 6.5.2 counts it. nghttp2 itself, far above, blames the server for it. */
export const mostHeadBytes = 65_536;

function sizeOf(fields: Readonly<Record<string, string | string[] | number | undefined>>): number {
  let bytes = 0;
  for (const [name, values] of Object.entries(fields)) {
    for (const value of Array.isArray(values) ? values : [String(values)]) bytes += name.length + value.length + 32;
  }
  return bytes;
}

/** Resolves when the stream takes more, or never will. */
function writable(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.removeListener("drain", done).removeListener("close", done);
      resolve();
    };
    stream.once("drain", done).once("close", done);
  });
}

/** RFC 9113 section 8.3.1, without the fields that speak of a connection of HTTP/1.1: section 8.2.2. */
function fieldsOf(url: URL, { method, path, headers, body }: Outgoing): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {
    ":method": method,
    ":scheme": url.protocol.slice(0, -1),
    ":authority": headers.host ?? url.host,
    ":path": path,
  };
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (!hopByHop.has(name) && !(name === "te" && value !== "trailers")) fields[name] = value;
  }
  if (body !== undefined && !(body instanceof SourceBody)) fields["content-length"] = Buffer.byteLength(body);
  return fields;
}

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** What an error code says: RFC 9113 section 7. */
export function codeName(code: number): string {
  return codeNames[code] ?? `code ${code}`;
}

const codeNames: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];
