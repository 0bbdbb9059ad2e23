import { buildGo, type GoProgram, type GoServer } from "./go-server.ts";

/** What a WebSocket server on gorilla saw in its life; `go/sockets` tells what of it. */
export interface GorillaCounts {
  /** WebSockets that are served now. */
  readonly open: number;
  readonly upgraded: number;
  /** Handshakes that `/refuse` was asked for. */
  readonly refused: number;
  /** Payload bytes that `/flood` has written. */
  readonly flooded: number;
  readonly writesTimedOut: number;
  readonly pongsMissed: number;
  /** Connections of `/mute` that the client ended. */
  readonly mutesLeft: number;
  /** The codes that clients closed with or answered with, in order; 1006: no close. */
  readonly closes: readonly number[];
}

/** Builds the server of `test/interop/go/sockets`. */
export function buildGorilla(): Promise<GoProgram> {
  return buildGo("sockets");
}

export async function countsOf({ url }: Pick<GoServer, "url">): Promise<GorillaCounts> {
  const response = await fetch(`${url}/counts`, { headers: { connection: "close" } });
  return (await response.json()) as GorillaCounts;
}
