/** A body without its chunked transfer coding (RFC 9112 section 7.1), up to what is no chunk. */
export async function* dechunked(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  let left = 0;
  for await (const bytes of body) {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length > 0) {
      if (left > 0) {
        const part = rest.subarray(0, left);
        left -= part.length;
        rest = rest.subarray(part.length);
        yield part;
        continue;
      }
      const end = rest.indexOf("\n");
      if (end === -1 && rest.length < longestLineBytes) break;
      const line = rest.toString("latin1", 0, Math.max(end, 0)).trim();
      rest = rest.subarray(end + 1);
      // The line break behind a chunk.
      if (line === "" && end !== -1) continue;
      left = Number.parseInt(/^[0-9a-f]+(?=\s*(;|$))/i.exec(line)?.[0] ?? "0", 16);
      if (left === 0) return;
    }
  }
}

const longestLineBytes = 1_024;
