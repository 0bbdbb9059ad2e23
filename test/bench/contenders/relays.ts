// One relay in a process of its own: `node relays.ts NAME UPSTREAM`. Prints its port.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "node:http";
import { relay } from "@longwire/server";
import { createProxyServer } from "http-proxy-3";

const [name, upstream] = process.argv.slice(2) as [string, string];
const server = createServer(handlerOf(name)).listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});

function handlerOf(contender: string): Parameters<typeof createServer>[1] & object {
  if (contender === "longwire") return relay(upstream);
  const proxy = createProxyServer({ target: upstream, agent: new Agent({ keepAlive: true }) });
  return (request, response) => proxy.web(request, response);
}
