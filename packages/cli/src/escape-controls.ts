/**
 * Text that came over the wire, made harmless for a terminal: every control character but tab and line feed, and what turns the
 * direction of text, is printed by its number.
 */
export function escapeControls(text: string): string {
  return text.replace(dangerous, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** C0 but tab and LF, DEL, C1; line and paragraph separators; marks, embeddings, overrides and isolates of direction. */
const dangerous = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
