import type { Colour, Paint } from "../paint.ts";

/** Colours JSON by its tokens, and leaves the text as it is. What is no JSON gets colours too, in odd places. */
export function paintJson(text: string, paint: Paint): string {
  return text.replace(token, (match, name: string | undefined, string: string | undefined) => {
    if (name !== undefined) return paint("cyan", name) + match.slice(name.length);
    const colour: Colour = string === undefined ? "yellow" : "green";
    return paint(colour, match);
  });
}

const token = /("(?:[^"\\]|\\.)*")(?=\s*:)|("(?:[^"\\]|\\.)*")|-?\b\d[\d.eE+-]*|\b(?:true|false|null)\b/g;
