import { expect, test } from "vitest";
import { checkedBy, checkedSchema, type SchemaIssue, type StandardSchema } from "../../src/events/standard-schema.ts";

const schemaOf = (issues: readonly SchemaIssue[]): StandardSchema<string> => ({
  "~standard": { version: 1, vendor: "test", validate: () => ({ issues }) },
});

test("a refusal says where and what, by keys as they are or in objects", () => {
  const schema = schemaOf([
    { message: "no number", path: ["rows", { key: 3 }, "price"] },
    { message: "no symbol", path: [] },
  ]);
  expect(checkedBy(schema, {})).toEqual({ reason: "rows.3.price: no number; no symbol" });
});

test("a refusal with an issue for each of many values names eight, and how many more there are", () => {
  const issues = Array.from({ length: 300_000 }, (_, i) => ({ message: "no number", path: [i] }));
  const { reason } = checkedBy(schemaOf(issues), []);
  expect(reason?.split("; ").slice(-2)).toEqual(["7: no number", "and 299992 more"]);
});

test("what is no schema is a TypeError that prints it", () => {
  expect(() => checkedSchema("zod" as never)).toThrow(
    new TypeError("schema must be a Standard Schema, such as zod, valibot and arktype make, got string zod"),
  );
});
