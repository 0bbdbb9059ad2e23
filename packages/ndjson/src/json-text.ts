/** A value as a JSON text. @throws TypeError for one that JSON has no text for; `format` is what it was to be encoded as */
export function jsonText(value: unknown, format: string): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`Cannot encode ${String(value)} as ${format}: JSON has no text for it`);
  return text;
}

/** Whether a text is white space and nothing else, as JSON has it (RFC 8259 section 2). */
export function isBlank(text: string): boolean {
  // The first character settles it for nearly every text.
  return !(text.charCodeAt(0) > 0x20) && /^[ \t\r\n]*$/.test(text);
}

/** Whether this is a whole JSON text of a kind that no cut can leave whole: `12` may have been `123`, `[12]` was `[12]`. */
export function showsItsEnd(text: string): boolean {
  try {
    return isDelimited(JSON.parse(text));
  } catch {
    return false;
  }
}

/** Whether the text of a value ends by a sign of its own: that of an object, an array or a string. */
export function isDelimited(value: unknown): boolean {
  return typeof value === "string" || (typeof value === "object" && value !== null);
}
