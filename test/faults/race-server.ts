import { type RawServer, type RawWire, rawServer } from "./raw-server.ts";

/** A server that loses the race of keep-alive each time: it closes a connection at the very moment when its second request comes. */
export interface RaceServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly wires: RawServer["wires"];
  /** Requests that were answered, as `METHOD /path`, in order. */
  readonly answered: readonly string[];
  /** Requests that met the closing of their connection, and got no answer from it. */
  readonly lost: readonly string[];
}

/** Starts one. The first request of a connection is answered by its own body, or by its path when it has none. */
export async function raceServer(how: "fin" | "reset"): Promise<RaceServer> {
  const answered: string[] = [];
  const lost: string[] = [];
  const server = await rawServer(async (wire) => {
    const first = await wire.request();
    if (first === undefined) return;
    const body = (await bodyOf(wire, first)) || (lineOf(first).split(" ")[1] as string);
    answered.push(lineOf(first));
    await wire.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const second = await wire.request();
    if (second === undefined) return;
    lost.push(lineOf(second));
    wire[how]();
  });
  return Object.assign(server, { answered, lost });
}

function bodyOf(wire: RawWire, head: string): Promise<string> {
  return wire.bytes(Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0));
}

function lineOf(head: string): string {
  return head.slice(0, head.indexOf(" HTTP/1.1"));
}
