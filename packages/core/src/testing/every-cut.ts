/** A body in pieces, and where it was cut. */
export interface CutBody {
  readonly cut: string;
  readonly chunks: readonly Uint8Array[];
}

/**
 * The same bytes in every way a wire may cut them: whole, byte by byte, in two at each byte, each also with empty chunks between; with
 * `pairs` also in three at each pair of bytes (n²/2 of them). Each piece has memory of its own.
 *
 * @example
 * ```ts
 * import { everyCut } from "@longwire/core/testing";
 *
 * for (const { cut, chunks } of everyCut("data: ü\n\n")) console.log(cut, chunks.length);
 * ```
 */
export function* everyCut(
  body: Uint8Array | string,
  { pairs = false }: { readonly pairs?: boolean | undefined } = {},
): Generator<CutBody> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const single = (): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));
  yield { cut: "whole", chunks: [bytes.slice()] };
  yield { cut: "byte by byte", chunks: single() };
  yield { cut: "byte by byte, empty chunks between", chunks: single().flatMap((chunk) => [new Uint8Array(0), chunk]) };
  for (let at = 0; at <= bytes.length; at++) {
    yield { cut: `at byte ${at}`, chunks: [bytes.slice(0, at), bytes.slice(at)] };
    const chunks = [bytes.slice(0, at), new Uint8Array(0), bytes.slice(at)];
    yield { cut: `at byte ${at}, empty chunk between`, chunks };
  }
  if (!pairs) return;
  for (let first = 1; first < bytes.length; first++) {
    for (let second = first + 1; second < bytes.length; second++) {
      const chunks = [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
      yield { cut: `at bytes ${first} and ${second}`, chunks };
    }
  }
}
