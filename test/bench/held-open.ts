import { execFileSync } from "node:child_process";

/** What each of many connections costs that are open at once and idle; `globalThis.gc` must be there. */
export interface MemoryEach {
  readonly rssKb: number;
  readonly heapKb: number;
  /** To open all of them. */
  readonly seconds: number;
}

/** Opens `count` connections in this process, some before them as a warm-up, and leaves them open. */
export async function memoryEach(count: number, open: () => Promise<void>): Promise<MemoryEach> {
  const openMany = async (many: number): Promise<void> => {
    for (let left = many; left > 0; left -= openingAtOnce)
      await Promise.all(Array.from({ length: Math.min(left, openingAtOnce) }, open));
  };
  await openMany(warmUp);
  const before = await settledMemory();
  const started = process.hrtime.bigint();
  await openMany(count);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const after = await settledMemory();
  const kbEach = (kind: "rss" | "heapUsed"): number => (after[kind] - before[kind]) / 1024 / count;
  return { rssKb: kbEach("rss"), heapKb: kbEach("heapUsed"), seconds };
}

/** Client and server are two processes, each with a file descriptor a connection. Node raises its own limit to the hard one. */
export function assertEnoughFiles(count: number): void {
  const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  const needed = count + warmUp + 100;
  if (limit === "unlimited" || Number(limit) >= needed) return;
  console.error(
    `Cannot open ${count} connections: a process may have ${limit} files and needs ${needed}. ` +
      `Raise the hard limit as root (\`ulimit -Hn ${needed}\`, then start the bench in that shell), or try fewer with \`--streams ${Number(limit) - warmUp - 100}\`.`,
  );
  process.exit(1);
}

/** After several collections with turns of the event loop between them: finalizers free more. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return process.memoryUsage();
}

const warmUp = 200;
const openingAtOnce = 100;
