/** A wrong command line. The message says what is wrong and what to write instead, and never repeats a secret. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
