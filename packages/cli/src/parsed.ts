import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./duration.ts";
import { parseListenAddress } from "./listen-address.ts";

// What commander is given to read an option's text with.

/** Lines of an option that may be repeated. */
export function collected(line: string, before: readonly string[] = []): readonly string[] {
  return [...before, line];
}

export function integer(text: string, least: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${least} up.`);
}

/** In ms. */
export function duration(text: string): number {
  return inWords(parseDuration, text);
}

/** In ms, 1 at least. */
export function period(text: string): number {
  const ms = duration(text);
  if (ms >= 1) return ms;
  throw new InvalidArgumentError("It must be 1ms or longer.");
}

/** Where a server listens. */
export function listenOption(byDefault: string): Option {
  return new Option(
    "--listen <address>",
    "where to listen: 8080, host:8080, :8080 (every address), or unix:/path; port 0 is a free one",
  )
    .argParser((text) => inWords(parseListenAddress, text))
    .default(parseListenAddress(byDefault), byDefault);
}

/** What a function makes of the text; what it throws is told as commander tells. */
function inWords<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
