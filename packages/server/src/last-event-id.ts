/**
 * The id that a client resumes from, out of the header as the runtime gives it: a character for each byte. Browsers send UTF-8.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
export function lastEventId(field: string | readonly string[] | null | undefined): string | undefined {
  // An empty one is none: that is what clients have before the first id.
  if (field === null || field === undefined || field === "") return undefined;
  // A field that came more than once is one list, as HTTP has it.
  const text = typeof field === "string" ? field : field.join(", ");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(text, (byte) => byte.charCodeAt(0)));
}
