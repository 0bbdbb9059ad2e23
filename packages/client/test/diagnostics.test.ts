import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { scriptedTransport } from "@longwire/core/testing";
import { expect, test } from "vitest";
import * as browser from "../src/index.ts";
import * as node from "../src/index.node.ts";

test("a client under Node publishes what happens to its streams and requests; the other one names no channel", async () => {
  const messages: unknown[] = [];
  const listener = (message: unknown): void => void messages.push(message);
  subscribe("longwire:stream:end", listener);
  try {
    for (const { createClient } of [node, browser]) {
      const transport = scriptedTransport(() => ({ chunks: ["a\n"], framing: "length" }));
      await using client = createClient({ baseUrl: "https://a.example", transport });
      for await (const _ of client.lines("/log?key=secret"));
      await (await client.request("/status")).text();
    }
  } finally {
    unsubscribe("longwire:stream:end", listener);
  }
  expect(messages).toMatchObject([
    { url: "https://a.example/log?key=***", code: "complete", items: 1, attempts: 1 },
    { url: "https://a.example/status", code: "complete", bytes: 2 },
  ]);
});
