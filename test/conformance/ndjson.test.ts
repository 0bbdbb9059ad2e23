import { ndjsonDecoder } from "@longwire/ndjson";
import { conformance, decoding } from "@longwire/testing";
import { expect, test } from "vitest";

test("NDJSON is decoded as the cases say, at every cut, by both policies for bad items", () => {
  expect(
    conformance(
      "ndjson",
      decoding(({ onBadItem }) => ndjsonDecoder({ onBadItem })),
    ),
  ).toEqual([]);
  // One of the cases is a record that would change the prototype of all objects.
  expect("x" in {}).toBe(false);
});
