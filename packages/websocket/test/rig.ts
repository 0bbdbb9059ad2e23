import {
  fakeClock,
  type FakeClock,
  type ScriptedPeer,
  type ScriptedSocket,
  type ScriptedSockets,
  scriptedSockets,
} from "@longwire/core/testing";
import type { SocketRequest } from "@longwire/core";
import { openWebSocket, type WebSocketOptions, type WebSocketStream } from "../src/index.ts";

export interface Rig {
  readonly stream: WebSocketStream;
  readonly clock: FakeClock;
  readonly opener: ScriptedSockets;
  /** The other end of connection number `index`, from 0. */
  peer(index?: number): ScriptedPeer;
}

/** A stream on a fake clock and scripted sockets. The dice show 0: a wait is its floor, 100 ms. */
export function rig(
  script: readonly ScriptedSocket[] | ((request: SocketRequest, index: number) => ScriptedSocket),
  options: WebSocketOptions = {},
  url = "wss://a.example/ws",
): Rig {
  const clock = fakeClock();
  const opener = scriptedSockets(script, { clock });
  const stream = openWebSocket(url, { opener, clock, random: () => 0, ...options });
  const peer = (index = 0): ScriptedPeer => {
    const one = opener.peers[index];
    if (one) return one;
    throw new Error(`There is no connection ${index} yet`);
  };
  return { stream, clock, opener, peer };
}

/** What a promise came to, once all promise jobs are done. */
export async function settled(promise: Promise<unknown>, clock: FakeClock): Promise<unknown> {
  let result: unknown = "pending";
  promise.then(
    (value) => {
      result = value;
    },
    (thrown: unknown) => {
      result = { thrown };
    },
  );
  await clock.advance(0);
  return result;
}

/** Reads in the background; `items` fills as they come, `end` tells what was thrown. */
export function reading<T>(source: AsyncIterable<T>): { readonly items: T[]; readonly end: Promise<unknown> } {
  const items: T[] = [];
  const end = (async () => {
    try {
      for await (const item of source) items.push(item);
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  return { items, end };
}
