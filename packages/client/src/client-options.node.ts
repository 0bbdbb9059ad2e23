import type { NodeTransportOptions } from "@longwire/node";
import { type ClientOptions as PortableOptions, clientOptionNames } from "./client-options.ts";

/** What holds for every call of a client, and under Node what its sockets are made with. */
export interface ClientOptions extends PortableOptions, NodeTransportOptions {}

const socketOptionNames: Readonly<Record<Exclude<keyof NodeTransportOptions, "clock">, true>> = {
  keepAliveMs: true,
  keepAliveMaxMs: true,
  tcpKeepAliveMs: true,
  tls: true,
  socketPath: true,
  proxy: true,
  lookup: true,
  connect: true,
  maxInflateRatio: true,
  lanes: true,
  allowH2: true,
  dispatcher: true,
};

/** All that a client has under Node. */
export const nodeOptionNames: Readonly<Record<keyof ClientOptions, true>> = {
  ...clientOptionNames,
  ...socketOptionNames,
};

/** A transport of the caller's has its own sockets. @throws TypeError when there are options for others */
export function checkOneTransport(options: ClientOptions): void {
  if (options.transport === undefined) return;
  for (const name of Object.keys(socketOptionNames) as (keyof typeof socketOptionNames)[]) {
    if (options[name] === undefined) continue;
    throw new TypeError(
      `transport has sockets of its own, so ${name} would count for nothing; give it to nodeTransport`,
    );
  }
}
