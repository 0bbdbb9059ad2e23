// What a page sees of a server of ours, by what browsers have themselves, EventSource and WebSocket, and by our client. What happens is
// kept in words until the test asks for it.

import { createClient, fetchTransport, type StreamError } from "longwire";

/** A name, and what belongs to it. */
export type Words = readonly [string, ...(string | number | boolean)[]];

/** Opens an EventSource: `["open"]`, its events as `[type, data, lastEventId]`, and `["error", "connecting" | "closed"]`. */
export function follow(url: string, types: readonly string[] = [], withCredentials = false): number {
  const source = new EventSource(url, { withCredentials });
  const seen = new Seen(() => source.close());
  source.onopen = () => seen.put("open");
  source.onerror = () => seen.put("error", source.readyState === EventSource.CLOSED ? "closed" : "connecting");
  for (const type of ["message", ...types]) {
    source.addEventListener(type, ({ data, lastEventId }) => seen.put(type, data, lastEventId));
  }
  return seen.number;
}

/** Opens a WebSocket: `["open", protocol]`, `["text", …]`, `["binary", hex]` and `["close", code, reason, wasClean]`. */
export function connect(url: string, protocols: string[] = []): number {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  const seen = new Seen(([name, first, second]) => {
    if (name === "close") socket.close(first as number, second as string);
    else socket.send(name === "text" ? (first as string) : Uint8Array.from(bytesOf(first as string)));
  });
  socket.onopen = () => seen.put("open", socket.protocol);
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") seen.put("text", data);
    else seen.put("binary", hexOf(new Uint8Array(data)));
  };
  socket.onclose = ({ code, reason, wasClean }) => seen.put("close", code, reason, wasClean);
  return seen.number;
}

/** Reads a publisher by our client: `["item", data, id]`, and `["end", code]`. */
export function read(url: string, format: "events" | "rows" | "messages", withCredentials = false): number {
  const client = createClient({
    reconnect: { firstMs: 5, floorMs: 1, maxMs: 20 },
    ...(withCredentials && { transport: fetchTransport({ credentials: "include" }) }),
  });
  const seen = new Seen(() => void client.close());
  void (async () => {
    try {
      for await (const { data, id } of items()) seen.put("item", data, id);
      seen.put("end", "");
    } catch (error) {
      seen.put("end", (error as StreamError).code);
    }
  })();
  async function* items(): AsyncGenerator<Row> {
    if (format === "events") {
      for await (const { data, lastEventId } of client.sse(url)) yield { data, id: lastEventId };
    } else if (format === "rows") {
      yield* client.ndjson<Row>(url, {
        accept: "application/x-ndjson",
        heartbeat: isGoodbye,
        resume: {
          cursor: ({ id }) => id,
          apply: (request, id) => request.withHeader("last-event-id", String(id)),
          forever: true,
        },
      });
    } else {
      const messages = client.webSocket(url, {
        heartbeat: (message) => isGoodbye(rowOf(message)),
        resume: {
          cursor: (message) => rowOf(message).id,
          apply: (request, id) => request.withQuery({ lastEventId: String(id) }),
        },
      });
      for await (const message of messages) yield rowOf(message);
    }
  }
  return seen.number;
}

/** What happened next to one that was opened. */
export function next(number: number): Promise<Words> {
  return seenBy(number).take();
}

/** `["close", …]`, and to a WebSocket `["text", …]` and `["binary", hex]`. */
export function tell(number: number, words: Words): void {
  seenBy(number).tell(words);
}

interface Row {
  readonly id: string;
  readonly type?: string;
  readonly data: string;
}

const rowOf = (message: unknown): Row => JSON.parse(String(message)) as Row;
const isGoodbye = ({ type }: Row): boolean => type === "goodbye";

/** What happened to one of them, in order. */
class Seen {
  readonly number: number;
  readonly tell: (words: Words) => void;
  readonly #words: Words[] = [];
  #wake: (() => void) | undefined;

  constructor(tell: (words: Words) => void) {
    this.number = all.push(this) - 1;
    this.tell = tell;
  }

  put(...words: Words): void {
    this.#words.push(words);
    this.#wake?.();
  }

  async take(): Promise<Words> {
    while (this.#words.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#words.shift() as Words;
  }
}

const all: Seen[] = [];

function seenBy(number: number): Seen {
  const seen = all[number];
  if (!seen) throw new RangeError(`Nothing was opened as ${number}`);
  return seen;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(hex: string): number[] {
  return Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
