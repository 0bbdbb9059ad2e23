import {
  fakeClock,
  type FakeClock,
  type Script,
  type ScriptedTransport,
  scriptedTransport,
} from "@longwire/core/testing";
import type { Client } from "../src/client.ts";
import type { ClientOptions } from "../src/client-options.ts";
import { createClient } from "../src/index.ts";

export interface Rig {
  readonly client: Client<[]>;
  readonly clock: FakeClock;
  readonly transport: ScriptedTransport;
}

/** A client on a fake clock and a scripted transport. The dice show 0: a wait is its floor. */
export function clientOf(script: Script, options: ClientOptions = {}): Rig {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock });
  const client = createClient({ baseUrl: "https://a.example/v1", transport, clock, random: () => 0, ...options });
  return { client, clock, transport };
}

/** A response of events. */
export const sse = { "content-type": "text/event-stream" } as const;

/** Reads to the end, in the background. */
export async function read<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
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
