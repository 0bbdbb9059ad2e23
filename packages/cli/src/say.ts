import { escapeControls } from "./escape-controls.ts";
import { type Colour, paintFor } from "./paint.ts";
import type { Terminal } from "./world.ts";

/** Tells people one thing that happens, on a line of its own: a word, and the rest. */
export type Say = (colour: Colour, word: string, text: string) => void;

/** Says on `stderr` what is no data; nothing when it is to be quiet. */
export function sayOn(stderr: Terminal, quiet: boolean): Say {
  // Who reads it may leave; all else stays the same.
  stderr.on("error", () => {});
  const paint = paintFor(stderr);
  // The colours are no text that came over the wire.
  return (colour, word, text) =>
    void (quiet || stderr.write(`${paint(colour, `* ${word.padEnd(6)}`)} ${indented(escapeControls(text))}\n`));
}

/** Lines that came over the wire do not begin where ours do. */
export function indented(text: string): string {
  return text.replaceAll("\n", "\n    ");
}
