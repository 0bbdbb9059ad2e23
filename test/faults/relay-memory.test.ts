// A relay holds what is on its way, and no more, however much that is.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { listening } from "./listening.ts";

const MiB = 1024 * 1024;

test("1 GiB through a relay to a slow reader grows its memory by less than 32 MiB, and holds the upstream up", async () => {
  const block = Buffer.alloc(MiB, "a block of the body ");
  let sent = 0;
  await using upstream = await listening(
    createServer(async (request, response) => {
      const blocks = Number(request.url?.split("=")[1]);
      response.writeHead(200, { "content-length": blocks * block.length });
      sent = 0;
      for (; sent < blocks; sent++) if (!response.write(block)) await once(response, "drain");
      response.end();
    }),
  );
  // By default the young generation of V8 alone may grow to 48 MiB before it is collected, whatever is held.
  const young = "--max-semi-space-size=2";
  const path = fileURLToPath(new URL("relay-process.ts", import.meta.url));
  const child = spawn(process.execPath, [young, path, `http://127.0.0.1:${upstream.port}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const line = async (): Promise<number> => Number((await lines.next()).value);
    const port = await line();
    let aheadMiB = 0;
    const read = (mebibytes: number) =>
      slowly(port, mebibytes, (bytes) => {
        aheadMiB = Math.max(aheadMiB, sent - bytes / MiB);
      });
    await read(128);
    child.stdin.write("begin\n");
    const before = await line();
    expect(await read(1024)).toBeGreaterThan(1024 * MiB);
    child.stdin.write("end\n");
    expect(((await line()) - before) / MiB).toBeLessThan(32);
    // What the system buffers of both connections, and one block.
    expect(aheadMiB).toBeLessThan(32);
  } finally {
    child.kill("SIGKILL");
  }
}, 120_000);

/** Reads an answer, with a turn of the event loop between any two chunks and a wait behind every 16th; answers how many bytes there were. */
async function slowly(port: number, mebibytes: number, at: (bytes: number) => void): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET /?mebibytes=${mebibytes} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let bytes = 0;
  let chunks = 0;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    at(bytes);
    socket.pause();
    if (++chunks % 16 === 0) setTimeout(() => socket.resume(), 1);
    else setImmediate(() => socket.resume());
  });
  await once(socket, "close");
  return bytes;
}
