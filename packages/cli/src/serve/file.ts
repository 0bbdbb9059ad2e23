import type { Answer } from "@longwire/testing";
import { faultsOf } from "./fault-query.ts";
import { queryNumber } from "./query-number.ts";
import type { Served } from "./served.ts";

/**
 * `/bytes`: a file of `?size=` bytes in lines of 16, each of which says where it begins; with a strong etag, `Range` and `If-Range` (RFC 9110
 * section 14).
 *
 * @throws TypeError, RangeError on a bad query
 */
export function file(request: Request, query: URLSearchParams): Served<Answer> {
  const size = queryNumber(query, "size", 1_048_576);
  const etag = `"${size}"`;
  const headers = { "content-type": "application/octet-stream", "accept-ranges": "bytes", etag };
  const range = asked(request, etag) ? rangeOf(request.headers.get("range") ?? "", size) : undefined;
  if (range === "unsatisfiable") {
    return {
      answer: { status: 416, headers: { ...headers, "content-range": `bytes */${size}` } },
      plan: faultsOf(query),
    };
  }
  const { from, to } = range ?? { from: 0, to: size };
  const partial = range && { "content-range": `bytes ${from}-${to - 1}/${size}` };
  const answer = {
    status: range ? 206 : 200,
    headers: { ...headers, ...partial, "content-length": String(to - from) },
    body: content(from, to),
  };
  return { answer, plan: faultsOf(query) };
}

/** A range holds for the file that it was asked for alone. */
function asked({ headers, method }: Request, etag: string): boolean {
  return method === "GET" && headers.has("range") && (headers.get("if-range") ?? etag) === etag;
}

/** One range; several, and what is none, are answered by the whole file, as a server may. */
function rangeOf(text: string, size: number): { from: number; to: number } | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(text) ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return Number(last) === 0 ? "unsatisfiable" : { from: Math.max(0, size - Number(last)), to: size };
  const from = Number(first);
  const to = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < from) return undefined;
  return from < size ? { from, to } : "unsatisfiable";
}

async function* content(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = from; at < to; at += chunkBytes) {
    const begin = at - (at % lineBytes);
    const end = Math.min(to, at + chunkBytes);
    const lines = Array.from({ length: Math.ceil((end - begin) / lineBytes) }, (_, index) =>
      line(begin + index * lineBytes),
    );
    yield Buffer.from(lines.join(""), "latin1").subarray(at - begin, end - begin);
  }
}

function line(at: number): string {
  return `${String(at).padStart(lineBytes - 1, "0")}\n`;
}

const lineBytes = 16;
const chunkBytes = 65_536;
