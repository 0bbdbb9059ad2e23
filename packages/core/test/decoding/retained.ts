import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What stays in memory, in bytes, of what `make` answers. */
export async function retained(make: () => unknown): Promise<number> {
  const before = await memory();
  const kept = make();
  const bytes = (await memory()) - before;
  if (kept === undefined) throw new TypeError("Nothing was kept, so nothing was measured");
  return bytes;
}

async function memory(): Promise<number> {
  // The engine holds the last text it worked on until the stack is empty, and lets buffers go one collection later.
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
