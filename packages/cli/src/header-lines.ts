import { type HeaderRecord, headersOf } from "@longwire/core";
import { UsageError } from "./usage-error.ts";

/** Headers of lines such as `Name: value`; `Name:` leaves one out. Values are never printed: they may be secrets. @throws UsageError */
export function headersOfLines(lines: readonly string[]): HeaderRecord {
  const headers: Record<string, string | undefined> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new UsageError("-H needs a name, a colon and a value, such as -H 'Accept-Language: de'");
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers[name];
    headers[name] =
      value === "" ? undefined : before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  try {
    return headersOf(headers);
  } catch (error) {
    throw new UsageError(`-H: ${(error as Error).message}`);
  }
}
