import { StreamError } from "../errors.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import { codedHeaders } from "./coded-headers.ts";
import { fetchError } from "./fetch-error.ts";
import type { BodySource } from "./fetch-init.ts";
import type { Framing, ResponseHeaders, StreamResponse } from "./transport.ts";

/** A `Response` as a transport answers. `source` is the request body that may still be on its way; it goes with the release. */
export function fetchResponse(
  response: Response,
  request: StreamRequest,
  source: BodySource | undefined,
): StreamResponse {
  const url = response.url || request.url;
  const reader = response.body?.getReader();
  const framing = framingOf(response, request.method);
  const bodiless = reader === undefined || request.method === "HEAD";
  const length = framing === "length" && !bodiless ? Number(response.headers.get("content-length")) : 0;
  let released = false;
  let bytes = 0;

  async function next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { value } = (await read()) ?? {};
    if (value) {
      bytes += value.length;
      return { done: false, value };
    }
    // A stream that is cancelled (HTTP/2's RST_STREAM with CANCEL) ends well for the fetch of Node 26.
    if (bytes < length && !released) throw shortError(url, bytes, length);
    return { done: true, value: undefined };
  }

  async function read(): Promise<ReadableStreamReadResult<Uint8Array> | undefined> {
    try {
      return await reader?.read();
    } catch (error) {
      // A read that the release interrupts ends quietly.
      if (released) return undefined;
      throw fetchError(error, url, bytes);
    }
  }

  function release(reason?: unknown): void {
    if (released) return;
    released = true;
    source?.release();
    reader?.cancel(reason).catch(() => {});
  }

  async function leave(): Promise<IteratorResult<Uint8Array, undefined>> {
    release();
    return { done: true, value: undefined };
  }

  return {
    url,
    status: response.status,
    headers: decodedHeaders(response.headers),
    framing,
    body: { [Symbol.asyncIterator]: () => ({ next, return: leave }) },
    release,
  };
}

function shortError(url: string, bytes: number, length: number): StreamError {
  return new StreamError("truncated", `Cannot read ${shownUrl(url)}: its body ended after ${bytes} of ${length} bytes`);
}

/** fetch decodes and leaves the headers of what came over the wire; here a coding that is named is one that is still there. */
function decodedHeaders(headers: Headers): ResponseHeaders {
  const codings = headers.get("content-encoding")?.toLowerCase().split(",") ?? [];
  if (codings.length === 0 || !codings.every((coding) => decodedByFetch.has(coding.trim()))) return headers;
  const decoded = new Headers(headers);
  for (const name of codedHeaders) decoded.delete(name);
  return decoded;
}

const decodedByFetch: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

function framingOf({ body, headers, type }: Response, method: string): Framing {
  if (body === null || method === "HEAD") return "length";
  // From another origin a browser shows the length, and hides that it is the length of what it has decoded.
  if (type === "cors" && !headers.has("content-encoding")) return "unknown";
  return headers.has("content-length") && !headers.has("content-encoding") ? "length" : "unknown";
}
