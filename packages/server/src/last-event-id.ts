/**
 * The id that a client resumes from, out of the header as the runtime gives it. Browsers send UTF-8, of which most runtimes give a
 * character for each byte, and workerd the text.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
export function lastEventId(field: string | readonly string[] | null | undefined): string | undefined {
  // An empty one is none: that is what clients have before the first id.
  if (field === null || field === undefined || field === "") return undefined;
  // A field that came more than once is one list, as HTTP has it.
  const text = typeof field === "string" ? field : field.join(", ");
  const codes = Array.from(text, (character) => character.charCodeAt(0));
  if (codes.some((code) => code > 0xff)) return text;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(codes));
  } catch {
    // No UTF-8, so no bytes of it: text that was decoded already, or Latin-1.
    return text;
  }
}
