/** A value as an error prints it. */
export function printed(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : isPrimitive(value) ? String(value) : kindOf(value);
}

/** What a value is, for an error that must not print it: it may be a secret. */
export function kindOf(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (value === null) return "null";
  return isPrimitive(value) ? typeof value : Object.prototype.toString.call(value);
}

function isPrimitive(value: unknown): boolean {
  return Object(value) !== value;
}
