import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

export type Contender = "longwire" | "better-sse" | "response.write";
/** Of ours. */
export type Policy = "evict" | "dropOldest" | "block";

/** What a publisher process is asked; each is answered with a number. */
export type Order =
  | "port"
  /** User and system time of all its threads until now, in µs. */
  | "cpuUs"
  | "publish"
  /** Items that only the subscriber of `/bulk` gets, until it has no room for one more. */
  | "bulk";

/** An item: 200 bytes as JSON. It begins with the `process.hrtime` of its publishing, and ends with a character that stands nowhere else. */
export function item(): { readonly at: string; readonly text: string } {
  return { at: String(process.hrtime.bigint()).padStart(stampLength, "0"), text };
}

/** Calls back for each item that ends in these bytes, with the time of its publishing in ns, where its beginning is among them. */
export function eachItem(bytes: Buffer, callback: (publishedNs: bigint | undefined) => void): void {
  for (let end = bytes.indexOf(lastByte); end >= 0; end = bytes.indexOf(lastByte, end + 1)) {
    const stamp = end - stampBeforeEnd;
    callback(stamp < 0 ? undefined : BigInt(bytes.toString("latin1", stamp, stamp + stampLength)));
  }
}

/** A publisher in a process of its own. Disposing of it kills it. */
export class PublisherProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(contender: Contender, policy: Policy) {
    this.#child = fork(new URL("contenders/publishers.ts", import.meta.url), [contender, policy]);
  }

  /** One order at a time. */
  async ask(order: Order): Promise<number> {
    const answered = once(this.#child, "message", { signal: AbortSignal.timeout(60_000) });
    this.#child.send(order);
    return (await answered)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

const stampLength = 20;
const text = `${"x".repeat(160)}~`;
const lastByte = "~".charCodeAt(0);
const stampBeforeEnd = stampLength + `","text":"${text.slice(0, -1)}`.length;
