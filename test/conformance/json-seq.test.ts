import { jsonSeqDecoder } from "@longwire/ndjson";
import { conformance, decoding } from "@longwire/testing";
import { expect, test } from "vitest";

test("JSON text sequences are decoded as the cases say, at every cut, by both policies for bad items", () => {
  expect(
    conformance(
      "json-seq",
      decoding(({ onBadItem }) => jsonSeqDecoder({ onBadItem })),
    ),
  ).toEqual([]);
});
