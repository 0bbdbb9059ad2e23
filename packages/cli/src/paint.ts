import type { Writable } from "node:stream";
import { styleText } from "node:util";

export type Colour = "bold" | "dim" | "cyan" | "green" | "magenta" | "red" | "yellow";

/** Colours text, where there are colours. */
export type Paint = (colour: Colour, text: string) => string;

/** Paints for one output: only if it is a terminal, and as NO_COLOR and FORCE_COLOR say. */
export function paintFor(stream: Writable): Paint {
  return (colour, text) => styleText(colour, text, { stream });
}
