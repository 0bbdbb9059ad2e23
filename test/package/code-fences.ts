/** One ```` ```ts ```` fence: its code, and the line of its first line of code, from 1. */
export interface CodeFence {
  readonly line: number;
  readonly code: string;
}

/** The TypeScript fences of a Markdown document. */
export function markdownFences(text: string): CodeFence[] {
  return fencesOf(text.split("\n"), 1);
}

/** The TypeScript fences of the doc comments in a source. */
export function docCommentFences(text: string): CodeFence[] {
  return [...text.matchAll(docComment)].flatMap(({ 0: comment, index }) =>
    fencesOf(
      comment.split("\n").map((line) => line.replace(/^\s*\/?\*+\/? ?/, "")),
      text.slice(0, index).split("\n").length,
    ),
  );
}

// One that begins its line: `/**` within code or a string is no doc comment.
const docComment = /(?<=^[\t ]*)\/\*\*.*?\*\//gms;

function fencesOf(lines: readonly string[], firstLine: number): CodeFence[] {
  const fences: CodeFence[] = [];
  let open: { line: number; language: string; code: string[] } | undefined;
  lines.forEach((line, index) => {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) open?.code.push(line);
    else if (open === undefined)
      open = { line: firstLine + index + 1, language: (fence[1] as string).trim(), code: [] };
    else {
      if (/^(ts|typescript)\b/.test(open.language)) fences.push({ line: open.line, code: open.code.join("\n") });
      open = undefined;
    }
  });
  if (open !== undefined) throw new SyntaxError(`The code fence before line ${open.line} is never closed`);
  return fences;
}
