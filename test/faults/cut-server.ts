import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { faultSteps } from "@longwire/testing";
import type { AskedFor, Conversation } from "./cut-conversations.ts";
import type { Cut } from "./cut-grid.ts";
import { type Fault, planOf, wireBytes } from "./cut-wire.ts";

/** A server of one conversation that cuts each of many streams once, at its own place. The path of a stream is its number. */
export interface CutServer extends AsyncDisposable {
  url(stream: number): string;
  /** Streams that were cut. */
  readonly faults: number;
  /** The most connections that stalled at once. */
  readonly mostStalled: number;
}

export async function cutServer(conversation: Conversation, fault: Fault, cuts: readonly Cut[]): Promise<CutServer> {
  const sockets = new Set<Socket>();
  /** Of each stream. */
  const answers: number[] = [];
  const stalled = new Set<Socket>();
  let faults = 0;
  let mostStalled = 0;

  function answer(socket: Socket, head: string): void {
    const { stream, request } = asked(head);
    const { answer: number, after } = cuts[stream] as Cut;
    const answer = conversation.answer(request);
    const bytes = wireBytes(answer);
    const nth = answers[stream] ?? 0;
    answers[stream] = nth + 1;
    const faulty = nth === number;
    if (faulty) faults++;
    // A retry that a slow machine made for a silence of its own may have left less to send.
    const plan = faulty ? planOf(fault, Math.min(after, bytes.length)) : {};
    for (const step of faultSteps(plan, [bytes])) {
      if (step.do === "write") socket.write(step.bytes);
      else if (step.do === "cut" || (step.do === "end" && answer.framing === "close")) socket.end();
      // Behind what was written, or it would be lost on this side.
      else if (step.do === "reset") socket.write("", () => socket.resetAndDestroy());
      else if (step.do === "stall") stall(socket);
    }
  }

  function stall(socket: Socket): void {
    socket.removeAllListeners("data").resume();
    stalled.add(socket);
    mostStalled = Math.max(mostStalled, stalled.size);
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      for (let end = received.indexOf("\r\n\r\n"); end !== -1; end = received.indexOf("\r\n\r\n")) {
        const head = received.slice(0, end);
        received = received.slice(end + 4);
        answer(socket, head);
      }
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      stalled.delete(socket);
    });
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: (stream) => `http://127.0.0.1:${port}/${stream}`,
    get faults() {
      return faults;
    },
    get mostStalled() {
      return mostStalled;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function asked(head: string): { stream: number; request: AskedFor } {
  const [first = "", ...lines] = head.split("\r\n");
  const { pathname, searchParams } = new URL(first.split(" ")[1] as string, "http://a.example");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { stream: Number(pathname.slice(1)), request: { query: searchParams, headers } };
}
