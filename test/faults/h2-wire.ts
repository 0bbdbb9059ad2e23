import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** A request as it came: its stream, its mark, and whether nothing follows its headers. */
export interface H2Request {
  readonly stream: number;
  /** What stood between carets in its headers: see {@link mark}. */
  readonly mark: string | undefined;
  readonly ended: boolean;
}

/** Error codes of RFC 9113 section 7. */
export const h2Codes = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  refusedStream: 0x7,
  cancel: 0x8,
  enhanceYourCalm: 0xb,
} as const;

/**
 * A header by which a script knows a request without HPACK's decoder: a caret has 14 bits in its Huffman code (RFC 7541 appendix B), so a
 * value with many is sent as it is. A value that was sent before would come as an index: no two of a connection may be the same.
 */
export function mark(name: string | number): { readonly "x-mark": string } {
  return { "x-mark": `^^^^^^^^${name}^^^^^^^^` };
}

/** One HTTP/2 connection in the hands of a script, frame by frame: what `node:http2` would never do can be done here. RFC 9113. */
export class H2Wire {
  readonly socket: TLSSocket;
  readonly #tcp: Socket;
  readonly #silent: boolean;
  /** Its place among the server's connections, from 0. */
  readonly index: number;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** What the client's RST_STREAM frames said, as `STREAM:CODE`, in order. */
  readonly resets: string[] = [];
  /** The codes of the client's GOAWAY frames. */
  readonly farewells: number[] = [];
  /** Bytes of DATA that came, by stream. */
  readonly received = new Map<number, Buffer>();
  /** Streams that the client ended. */
  readonly ended = new Set<number>();
  readonly #requests: H2Request[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #greeted = false;
  #gone = false;
  #wake: (() => void)[] = [];

  /** `tcp` is what `socket` stands on. One that is `silent` sends no frame at all. */
  constructor(socket: TLSSocket, tcp: Socket, index: number, silent: boolean) {
    this.socket = socket;
    this.#tcp = tcp;
    this.#silent = silent;
    this.index = index;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#read();
      this.#woken();
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#gone = true;
        this.#woken();
        resolve();
      });
    });
    this.settings({});
  }

  /** Whether the client has begun to speak. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** The next request; `undefined` when the connection ended first. */
  async request(): Promise<H2Request | undefined> {
    await this.until(() => this.#requests.length > 0);
    return this.#requests.shift();
  }

  /** The next so many requests. */
  async requests(count: number): Promise<readonly H2Request[]> {
    await this.until(() => this.#requests.length >= count);
    return this.#requests.splice(0, count);
  }

  /** Waits for what the client's frames bring about, or for the end of the connection. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.#gone) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** A head: `:status` first. */
  head(stream: number, fields: Readonly<Record<string, string>>, { end = false } = {}): void {
    const block = Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]);
    this.#send(frameTypes.headers, flags.endHeaders | (end ? flags.endStream : 0), stream, ...block);
  }

  data(stream: number, text: string, { end = false } = {}): void {
    this.#send(frameTypes.data, end ? flags.endStream : 0, stream, Buffer.from(text));
  }

  /** A whole answer with this body. */
  answer(stream: number, text: string): void {
    this.head(stream, { ":status": "200", "content-length": String(Buffer.byteLength(text)) });
    this.data(stream, text, { end: true });
  }

  /** Ends the connection: FIN, after what was written. */
  fin(): void {
    this.socket.end();
  }

  /** Breaks the connection: RST. */
  cut(): void {
    this.#tcp.resetAndDestroy();
  }

  reset(stream: number, code: number): void {
    this.#send(frameTypes.reset, 0, stream, uint32(code));
  }

  /** No more than the streams up to `last` were or will be processed. */
  goAway(last: number, code: number = h2Codes.noError): void {
    this.#send(frameTypes.goAway, 0, 0, uint32(last), uint32(code));
  }

  /** Changes settings, by their numbers: RFC 9113 section 6.5.2. */
  settings(values: Readonly<Record<number, number>>): void {
    const fields = Object.entries(values).map(([id, value]) => {
      const field = Buffer.alloc(6);
      field.writeUInt16BE(Number(id), 0);
      field.writeUInt32BE(value, 2);
      return field;
    });
    this.#send(frameTypes.settings, 0, 0, ...fields);
  }

  /** Bytes that are no frame. */
  raw(bytes: string): void {
    this.socket.write(bytes);
  }

  #read(): void {
    if (!this.#greeted) {
      if (this.#bytes.length < preface.length) return;
      this.#bytes = this.#bytes.subarray(preface.length);
      this.#greeted = true;
    }
    while (this.#bytes.length >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) return;
      const [type, flag] = [this.#bytes.readUInt8(3), this.#bytes.readUInt8(4)];
      this.#take(type, flag, this.#bytes.readUInt32BE(5), this.#bytes.subarray(9, end));
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  #take(type: number, flag: number, stream: number, payload: Buffer): void {
    const ended = (flag & flags.endStream) !== 0;
    switch (type) {
      case frameTypes.settings:
        if (!(flag & flags.ack)) this.#send(frameTypes.settings, flags.ack, 0);
        return;
      case frameTypes.ping:
        if (!(flag & flags.ack)) this.#send(frameTypes.ping, flags.ack, 0, payload);
        return;
      case frameTypes.headers:
        // Heads of more than a frame do not come here.
        this.#requests.push({ stream, mark: /\^+(\w+)\^+/.exec(payload.toString("latin1"))?.[1], ended });
        if (ended) this.ended.add(stream);
        return;
      case frameTypes.data:
        this.received.set(stream, Buffer.concat([this.received.get(stream) ?? Buffer.alloc(0), payload]));
        if (ended) this.ended.add(stream);
        return;
      case frameTypes.reset:
        this.resets.push(`${stream}:${payload.readUInt32BE(0)}`);
        return;
      case frameTypes.goAway:
        this.farewells.push(payload.readUInt32BE(4));
    }
  }

  #send(type: number, flag: number, stream: number, ...payload: readonly Buffer[]): void {
    const body = Buffer.concat(payload);
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flag, 4);
    head.writeUInt32BE(stream, 5);
    if (!this.socket.destroyed && !this.#silent) this.socket.write(Buffer.concat([head, body]));
  }

  #woken(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

/** A string of HPACK without Huffman coding, up to 126 bytes long. RFC 7541 section 5.2. */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, "latin1")]);
}
