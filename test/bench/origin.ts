import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { corpus, seeded, sseCorpora } from "./corpora.ts";

// The server of the benches over the wire: a process of its own that writes prebuilt bytes with as little work as possible.
//
//   /sse?events=N&perChunk=P   N token events, P to an HTTP chunk
//   /body?bytes=N              N bytes in chunks of 64 KiB, one write each
//   /raw?bytes=N               101, then N bytes as they are, in writes of 64 KiB, then a FIN
//   /ticks?events=N            1,000 events a second, each one beginning with the time it was written
//   /held                      one event, then nothing, for ever
//   /ws?messages=N&type=T      a WebSocket: N messages, of text or binary, then nothing, for ever

/** Runs the server in its own process. Disposing of it kills it. */
export async function startOrigin(): Promise<{ url: string } & AsyncDisposable> {
  const child = spawn(process.execPath, [import.meta.filename], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  return {
    url: `http://127.0.0.1:${await firstLine(child)}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Characters of data in one token event: all are of one length. */
export const charactersPerEvent = tokenEvent().length - "data: \n\n".length;

/** Bytes of one WebSocket message, all of them ASCII. */
export const bytesPerMessage = 200;

/** Where the data of a tick has its `process.hrtime` nanoseconds: that clock is the same in every process of the machine. */
export const tickStamp = { from: '{"at":"'.length, to: '{"at":"'.length + 20 };

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError("Cannot read the port of a process without stdout");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error(`The origin ended before it printed its port; exit code ${child.exitCode}`);
}

if (import.meta.main) {
  const server = createServer({ noDelay: true }, (socket) => {
    let head = "";
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      head += text;
      if (!head.endsWith("\r\n\r\n")) return;
      const url = new URL(head.split(" ", 2)[1] as string, "http://origin");
      const [, key] = /^sec-websocket-key: (.+)\r$/im.exec(head) ?? [];
      head = "";
      if (key === undefined) return answer(socket, url);
      socket.removeAllListeners("data").setEncoding().resume();
      upgrade(socket, url, key);
    });
    socket.on("error", () => socket.destroy());
    // A reset leaves no TIME_WAIT behind, of which 10,000 streams a round would soon use up the ports.
    socket.on("end", () => socket.resetAndDestroy());
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
    console.log((server.address() as { port: number }).port);
  });
}

function answer(socket: Socket, url: URL): void {
  const count = (name: string): number => Number(url.searchParams.get(name));
  if (url.pathname === "/raw") {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
    return repeat(socket, bodyBytes(), count("bytes") / bodyChunkBytes, () => socket.end());
  }
  socket.write(responseHead(url.pathname === "/body" ? "application/octet-stream" : "text/event-stream"));
  const lastChunk = (): unknown => socket.write("0\r\n\r\n");
  if (url.pathname === "/sse") repeat(socket, sseBlock(count("perChunk")), count("events") / eventsPerBlock, lastChunk);
  else if (url.pathname === "/body") repeat(socket, chunk(bodyBytes()), count("bytes") / bodyChunkBytes, lastChunk);
  else if (url.pathname === "/ticks") tick(socket, count("events"));
  else socket.write(chunk(Buffer.from(tokenEvent())));
}

const responseHead = (type: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n`;

/** Event counts are multiples of this one. */
const eventsPerBlock = 4_000;
const bodyChunkBytes = 64 * 1024;

function repeat(socket: Socket, block: Uint8Array, times: number, end: () => unknown): void {
  let left = times;
  const write = (): void => {
    while (left > 0) {
      left--;
      if (!socket.write(block)) return void socket.once("drain", write);
    }
    end();
  };
  write();
}

function sseBlock(perChunk: number): Uint8Array {
  const random = seeded(1);
  const chunks = Array.from({ length: eventsPerBlock / perChunk }, () =>
    chunk(Buffer.from(Array.from({ length: perChunk }, () => sseCorpora.tokens(random)).join(""))),
  );
  return Buffer.concat(chunks);
}

function bodyBytes(): Uint8Array {
  return corpus(sseCorpora.wiki).subarray(0, bodyChunkBytes);
}

function chunk(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

function tokenEvent(): string {
  return sseCorpora.tokens(seeded(1));
}

/** RFC 6455. What the client sends is let go unread: nobody waits for an answer to a ping or to a close. */
function upgrade(socket: Socket, { searchParams }: URL, key: string): void {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
  const opcode = searchParams.get("type") === "binary" ? 2 : 1;
  const payload = Buffer.alloc(bytesPerMessage, `{"seq":1000,"text":"a few words of a message"},`);
  const frame = Buffer.concat([Buffer.from([0x80 | opcode, 126, 0, bytesPerMessage]), payload]);
  const messages = Number(searchParams.get("messages"));
  const perBlock = Math.min(messages, messagesPerBlock);
  repeat(socket, Buffer.concat(Array.from({ length: perBlock }, () => frame)), messages / perBlock, () => {});
}

/** Message counts are multiples of this one, or less. */
const messagesPerBlock = 1_000;

/** Events that are due and late are written each by itself, with the time of its own write. */
function tick(socket: Socket, events: number): void {
  const event = Buffer.from(chunk(Buffer.from(`data: {"at":"${"0".repeat(20)}","text":"${"x".repeat(170)}"}\n\n`)));
  const stampAt = event.indexOf('"at":"') + '"at":"'.length;
  const started = process.hrtime.bigint();
  let written = 0;
  const timer = setInterval(() => {
    for (const due = Number(process.hrtime.bigint() - started) / 1e6; written < Math.min(due, events); written++) {
      const copy = Buffer.from(event);
      copy.write(String(process.hrtime.bigint()).padStart(20, "0"), stampAt, "latin1");
      socket.write(copy);
    }
    if (written >= events || socket.destroyed) clearInterval(timer);
  }, 1);
}
