import { sseDecoder } from "@longwire/sse";
import { conformance, decoding } from "@longwire/testing";
import { expect, test } from "vitest";

test("SSE is decoded as the cases say, at every cut and every pair of cuts", () => {
  expect(
    conformance(
      "sse",
      decoding(() => sseDecoder()),
      { pairs: true },
    ),
  ).toEqual([]);
});
