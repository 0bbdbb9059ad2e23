// Pipes URL into a writable that is slower than the server, and prints how it ended and how much its memory grew on the way. As in
// the benches a warm-up of 128 MiB goes before: what code and heap take once is no growth.

import { Writable } from "node:stream";
import { openBytes, pipe } from "@longwire/core";
import { nodeTransport } from "@longwire/node";

const MiB = 1024 * 1024;
const [url] = process.argv.slice(2) as [string];
await using transport = nodeTransport();
await slowly(`${url}?mebibytes=128`);
const before = process.memoryUsage.rss();
const { peakRss, ...seen } = await slowly(`${url}?mebibytes=1024`);
console.log(JSON.stringify({ ...seen, grownMiB: (peakRss - before) / MiB }));

async function slowly(from: string) {
  const startBytes = transport.stats()[0]?.bytesRead ?? 0;
  let bytes = 0;
  let chunks = 0;
  let peakRss = 0;
  /** The most that was read of the socket and not taken yet. */
  let aheadBytes = 0;
  const writable = new Writable({
    write(chunk: Uint8Array, _encoding, taken) {
      bytes += chunk.length;
      chunks += 1;
      if (chunks % 16 === 0) look();
      if (chunks % 4 === 0) setTimeout(taken, 1);
      else setImmediate(taken);
    },
  });
  const { code } = await pipe(openBytes(from, { transport }), writable);
  look();
  return { code, bytes, peakRss, aheadBytes };

  function look(): void {
    peakRss = Math.max(peakRss, process.memoryUsage.rss());
    aheadBytes = Math.max(aheadBytes, (transport.stats()[0]?.bytesRead ?? 0) - startBytes - bytes);
  }
}
