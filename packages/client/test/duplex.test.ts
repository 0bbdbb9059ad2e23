import { scriptedTransport } from "@longwire/core/testing";
import type { NodeTransport } from "@longwire/node";
import { expect, test } from "vitest";
import { createClient } from "../src/index.node.ts";

type Call = readonly [url: string, options: Parameters<NodeTransport["duplex"]>[1]];

/** A transport that has calls of the caller's own, and keeps what they were asked with. */
function ownDuplex() {
  const calls: Call[] = [];
  const duplex: NodeTransport["duplex"] = async (url, options) => {
    calls.push([url, options]);
    throw new Error("asked");
  };
  return { calls, transport: Object.assign(scriptedTransport([]), { duplex }) };
}

test("a duplex call has the options of its client, but no secrets of it for a foreign origin, and goes over its transport", async () => {
  const { calls, transport } = ownDuplex();
  await using client = createClient({
    baseUrl: "https://a.example/v1",
    auth: () => "Bearer secret",
    headers: { "x-team": "ops", cookie: "secret" },
    timeouts: { headersMs: 7 },
    transport,
  });
  await expect(client.duplex("/talk", { headers: { "x-call": "1" }, timeouts: { idleMs: 0 } })).rejects.toThrow(
    "asked",
  );
  await expect(client.duplex("https://b.example/talk")).rejects.toThrow("asked");
  expect(calls).toMatchObject([
    [
      "/talk",
      {
        baseUrl: "https://a.example/v1",
        auth: expect.any(Function),
        headers: { "x-team": "ops", cookie: "secret", "x-call": "1" },
        timeouts: { headersMs: 7, idleMs: 0 },
      },
    ],
    ["https://b.example/talk", { auth: undefined, headers: { "x-team": "ops" }, timeouts: { headersMs: 7 } }],
  ]);
  expect(calls[1]?.[1]?.headers).not.toHaveProperty("cookie");
});

test("a bad option, and a client that is closed, reject", async () => {
  const client = createClient({ baseUrl: "https://a.example" });
  await expect(client.duplex("/talk", { auth: "x" as never })).rejects.toThrow("auth must be");
  await expect(client.duplex("/talk", { body: "text" as never })).rejects.toThrow(TypeError);
  await client.close();
  await expect(client.duplex("/talk")).rejects.toThrow("This client is closed");
});
