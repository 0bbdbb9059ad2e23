import { readFile } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { buffer } from "node:stream/consumers";
import { UsageError } from "../usage-error.ts";
import type { World } from "../world.ts";

/** The body that `-d` names: its text, or the bytes of `@file`, or of stdin for `@-`, as they are. @throws UsageError */
export async function requestBody(data: string, { stdin, interrupted }: World): Promise<string | Uint8Array> {
  if (!data.startsWith("@")) return data;
  const path = data.slice(1);
  if (path === "-") return buffer(addAbortSignal(interrupted, stdin()));
  try {
    return await readFile(path, { signal: interrupted });
  } catch (error) {
    interrupted.throwIfAborted();
    throw new UsageError(`Cannot read ${JSON.stringify(path)}, which -d names: ${(error as Error).message}`);
  }
}

/** JSON when it is, else what curl says of any `-d`. */
export function bodyType(body: string | Uint8Array): string {
  try {
    const value: unknown = JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString());
    if (typeof value === "object" && value !== null) return "application/json";
  } catch {
    // It is no JSON.
  }
  return "application/x-www-form-urlencoded";
}
