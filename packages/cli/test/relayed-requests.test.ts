import { createServer } from "node:http";
import { expect, test } from "vitest";
import { relayedRequests } from "../src/relay/relay.ts";

test("a head has a minute, a body as long as it takes", () => {
  const { headersTimeout, requestTimeout } = createServer(relayedRequests);
  expect([headersTimeout, requestTimeout]).toEqual([60_000, 0]);
});
