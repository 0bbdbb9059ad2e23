import { expect, test } from "vitest";
import { nodeTransport } from "../src/node-transport.ts";

const connect = (): void => {};

test.each([
  [{ tls: "x" }, "tls must be an object of options of node:tls"],
  [{ tls: null }, "tls must be an object of options of node:tls"],
  [{ tls: { rejectUnauthorized: 0 } }, "tls.rejectUnauthorized must be true or false"],
  [{ tls: { rejectUnauthorized: "false" } }, "tls.rejectUnauthorized must be true or false"],
  [{ socketPath: "" }, "socketPath must be the path of a Unix socket"],
  [{ lookup: {} }, "lookup must be a function such as dns.lookup"],
  [{ connect: {} }, "connect must be a function"],
  [{ socketPath: "/run/a.sock", proxy: "http://p:1" }, "proxy and socketPath do not go together"],
  [{ connect, proxy: "http://p:1" }, "connect makes the sockets by itself, so proxy would count for nothing"],
  [{ connect, tls: {} }, "connect makes the sockets by itself, so tls would count for nothing"],
  [{ connect, lookup: connect }, "connect makes the sockets by itself, so lookup would count for nothing"],
])("%o is a TypeError", (options, message) => {
  const attempt = () => nodeTransport(options as Parameters<typeof nodeTransport>[0]);
  expect(attempt).toThrow(TypeError);
  expect(attempt).toThrow(message);
});

test("options that are undefined are their defaults", async () => {
  const names = ["keepAliveMs", "keepAliveMaxMs", "tcpKeepAliveMs", "tls", "socketPath", "proxy", "lookup", "connect"];
  await using transport = nodeTransport(Object.fromEntries(names.map((name) => [name, undefined])));
  expect(transport.stats()).toEqual([]);
});
