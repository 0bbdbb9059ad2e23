import { linesDecoder, type LinesOptions } from "../frames/lines-decoder.ts";
import type { Dialect } from "./dialect.ts";

export type { LinesOptions };

/**
 * Text lines of a body of any media type, as {@link linesDecoder} reads them.
 *
 * @throws TypeError, RangeError for a bad option
 */
export function linesDialect(options: LinesOptions = {}): Dialect<string> {
  // A bad option is told now.
  linesDecoder(options);
  return {
    name: "lines",
    options: optionNames,
    accept: "text/plain, */*;q=0.5",
    accepts: () => true,
    decoder: () => linesDecoder(options),
    textOf: (line) => line,
  };
}

const optionNames: Readonly<Record<keyof LinesOptions, true>> = { maxLineBytes: true, onOversize: true };
