// Standard Schema, version 1: the part of it that a decoder needs. Of this shape are the schemas of zod, valibot, arktype and
// others: https://standardschema.dev

/** A schema that checks an unknown value and answers with an `Output`. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

/** What a schema found. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A value that a schema took, or why it did not, in words. */
export type Checked<Output> = { readonly value: Output; readonly reason?: undefined } | { readonly reason: string };

/**
 * Asks a schema. The reason says where and what, and shows nothing of the value.
 *
 * @throws TypeError when the schema answers with a promise: a decoder does not wait
 */
export function checkedBy<Output>(schema: StandardSchema<Output>, value: unknown): Checked<Output> {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new TypeError(
      "schema answers with a promise, and a decoder does not wait; give a schema without asynchronous checks",
    );
  }
  if (!result.issues) return { value: result.value };
  const shown = result.issues.slice(0, mostIssues).map(({ message, path = [] }) => `${pathText(path)}${message}`);
  const more = result.issues.length - shown.length;
  return { reason: more > 0 ? `${shown.join("; ")}; and ${more} more` : shown.join("; ") };
}

/** Whether an option is a schema of this kind. Some are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  const standard = (value as { "~standard"?: { validate?: unknown } } | null | undefined)?.["~standard"];
  return typeof standard?.validate === "function";
}

/** A schema as a caller gave it, checked. @throws TypeError on what is none */
export function checkedSchema<Output>(schema: StandardSchema<Output>): StandardSchema<Output> {
  if (isStandardSchema(schema)) return schema;
  const got = `${typeof schema} ${String(schema)}`;
  throw new TypeError(`schema must be a Standard Schema, such as zod, valibot and arktype make, got ${got}`);
}

function pathText(path: NonNullable<SchemaIssue["path"]>): string {
  if (path.length === 0) return "";
  return `${path.map((part) => String(typeof part === "object" ? part.key : part)).join(".")}: `;
}

/** Issues that a reason names: a long list may have one for each of its items. */
const mostIssues = 8;
