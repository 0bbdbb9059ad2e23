import type { SchemaResult, StandardSchema } from "@longwire/core";

/** A Standard Schema of no library. */
export function handmadeSchema<Output>(
  validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>,
): StandardSchema<Output> {
  return { "~standard": { version: 1, vendor: "by hand", validate } };
}
