import { once } from "node:events";
import { type IncomingMessage, request as requestHttp1 } from "node:http";
import { connect } from "node:http2";
import type { Readable } from "node:stream";

/** An answer whose body nobody reads until it is asked for. */
export interface Answer extends AsyncDisposable {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Resolves when the text is there that has all of `part`; rejects when the body was over without it. */
  until(part: string): Promise<string>;
  /** Reads to the end: all text, and whether the end was a proper one. */
  rest(): Promise<{ readonly text: string; readonly end: "end" | "cut" }>;
  /** Lets the answer go as a client does that leaves: the connection, or over HTTP/2 the stream. */
  leave(): void;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What every request is made with. */
export interface AskedWith {
  /** Ends the request and its answer. */
  readonly signal: AbortSignal;
  /** PEM of whom TLS is to trust. */
  readonly ca: Buffer;
}

/** Sends a request on a connection of its own; resolves with the head of the answer. */
export function asked(protocol: "h1" | "h2", url: string, asking: Asking, { ca, signal }: AskedWith): Promise<Answer> {
  const { method = "GET", headers = {} } = asking;
  return protocol === "h1" ? overHttp1(url, method, headers, signal) : overHttp2(url, method, headers, signal, ca);
}

async function overHttp1(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  const request = requestHttp1(url, { agent: false, method, headers, signal }).end();
  request.on("error", () => {});
  const closed = new Promise<void>((resolve) => request.once("close", resolve));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const leave = (): void => void request.destroy();
  return {
    status: response.statusCode as number,
    headers: response.headers,
    ...reading(response, () => response.complete),
    leave,
    async [Symbol.asyncDispose]() {
      leave();
      await closed;
    },
  };
}

async function overHttp2(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  ca: Buffer,
): Promise<Answer> {
  const { origin, pathname, search } = new URL(url);
  const session = connect(origin, { ca, settings: { initialWindowSize: windowBytes } });
  session.once("connect", () => session.setLocalWindowSize(windowBytes));
  session.on("error", () => {});
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  const stream = session.request({ ...headers, ":path": `${pathname}${search}`, ":method": method }, { signal });
  stream.on("error", () => {});
  const dispose = async (): Promise<void> => {
    session.destroy();
    await closed;
  };
  try {
    const [{ ":status": status, ...rest }] = (await once(stream, "response")) as [Record<string, unknown>];
    return {
      status: status as number,
      headers: rest,
      ...reading(stream, () => stream.rstCode === 0),
      leave: () => stream.close(cancel),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

// Those of Chromium are 6 MiB and more; the 64 KiB that they are without a word make 25 MiB slow.
const windowBytes = 2 ** 20;

// RFC 9113 section 7, CANCEL.
const cancel = 8;

function reading(body: Readable, isWhole: () => boolean): Pick<Answer, "until" | "rest"> {
  let text = "";
  let broken = false;
  let begun = false;
  let wake = (): void => {};
  body.on("error", () => {
    broken = true;
  });
  body.on("close", () => wake());
  const more = (): Promise<void> => {
    const next = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (begun) return next;
    begun = true;
    body.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      wake();
    });
    return next;
  };
  return {
    async until(part) {
      while (!text.includes(part)) {
        if (body.closed) throw new Error(`The body was over before ${JSON.stringify(part)}: ${JSON.stringify(text)}`);
        await more();
      }
      return text;
    },
    async rest() {
      while (!body.closed) await more();
      return { text, end: !broken && isWhole() ? "end" : "cut" };
    },
  };
}
