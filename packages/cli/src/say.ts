import { escapeControls } from "./escape-controls.ts";
import { type Colour, paintFor } from "./paint.ts";
import type { Terminal } from "./world.ts";

/** Tells people one thing that happens, on a line of its own: a word, and the rest. */
export type Say = (colour: Colour, word: string, text: string) => void;

/** Says on `stderr` what is no data; nothing when it is to be quiet. Who does not read it holds nobody up, and fills no memory. */
export function sayOn(stderr: Terminal, quiet: boolean): Say {
  const paint = paintFor(stderr);
  let unsaid = 0;
  // The colours are no text that came over the wire.
  const write: Say = (colour, word, text) =>
    void stderr.write(`${paint(colour, `* ${word.padEnd(6)}`)} ${indented(escapeControls(text))}\n`);
  return (colour, word, text) => {
    if (quiet) return;
    if (stderr.writableLength > mostUnread) return void unsaid++;
    if (unsaid > 0) write("red", "unsaid", `${unsaid} lines, for what was said before was not read`);
    unsaid = 0;
    write(colour, word, text);
  };
}

/** Bytes. */
const mostUnread = 65_536;

/** Lines that came over the wire do not begin where ours do. */
export function indented(text: string): string {
  return text.replaceAll("\n", "\n    ");
}
