import type { NodeTransport, Takeover, TakeOverOptions } from "@longwire/node";
import { scriptedTransport } from "@longwire/core/testing";
import { expect, test } from "vitest";
import { createClient } from "../src/index.node.ts";

/** A transport that notes what it is asked to take over. */
function recorder() {
  const calls: [url: string, options: TakeOverOptions][] = [];
  const takeOver: NodeTransport["takeOver"] = async (url, options) => {
    calls.push([url, options]);
    return {} as Takeover;
  };
  return { calls, transport: Object.assign(scriptedTransport([]), { takeOver }) };
}

test("goes over the transport that was given, with what the client says merged in", async () => {
  const { calls, transport } = recorder();
  const auth = () => "Bearer a";
  const client = createClient({
    baseUrl: "https://a.example/v1",
    transport,
    auth,
    headers: { "x-team": "ops", cookie: "secret" },
    timeouts: { connectMs: 5, idleMs: 7 },
  });
  await client.takeOver("/attach", { protocol: "tcp", headers: { "x-call": "1" }, timeouts: { idleMs: 0 } });
  await client.takeOver("https://b.example/attach", { protocol: "tcp" });
  const [own, foreign] = calls.map(([, options]) => options);
  expect(own).toMatchObject({
    protocol: "tcp",
    baseUrl: "https://a.example/v1",
    auth,
    headers: { "x-team": "ops", cookie: "secret", "x-call": "1" },
    timeouts: { connectMs: 5, idleMs: 0 },
  });
  expect([foreign?.auth, foreign?.headers]).toEqual([undefined, { "x-team": "ops" }]);
  await client.close();
});

test("a bad option rejects, and so does a client that is closed", async () => {
  const client = createClient({ baseUrl: "https://a.example" });
  await expect(client.takeOver("/attach", {})).rejects.toThrow(TypeError);
  await expect(client.takeOver("/attach", { protocol: "tcp", auth: "x" as never })).rejects.toThrow("auth must be");
  await client.close();
  await expect(client.takeOver("/attach", { protocol: "tcp" })).rejects.toThrow("This client is closed");
});
