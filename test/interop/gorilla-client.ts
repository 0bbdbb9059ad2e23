import { buildGo, type GoProgram } from "./go-server.ts";
import { lineProgram } from "./line-program.ts";

/** gorilla's client, in a process of its own; `go/dialer` tells what happens to it, and what it can be told. */
export interface GorillaClient extends AsyncDisposable {
  /** What happened next. */
  next(): Promise<Words>;
  tell(...words: Words): void;
}

/** A name, and what belongs to it. */
export type Words = readonly [string, ...(string | number)[]];

export function buildGorillaClient(): Promise<GoProgram> {
  return buildGo("dialer");
}

/** Connects. `args` are flags, such as `-header`, `Origin: https://a.example`. */
export function dial({ binary }: GoProgram, url: string, ...args: readonly string[]): GorillaClient {
  const program = lineProgram([binary, ...args, url.replace(/^http/, "ws")]);
  return {
    next: async () => JSON.parse(await program.line()) as Words,
    tell: (...words) => program.tell(JSON.stringify(words)),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
