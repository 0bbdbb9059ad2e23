import { fileURLToPath } from "node:url";
import { peers } from "../interop/peer-list.ts";
import { builtNext } from "./built-next.ts";
import { bundledWorker } from "./bundled-worker.ts";

/** Something that serves what this package answers: a framework, a runtime, or both. */
export interface Host {
  readonly name: string;
  /** HTTP/2 is by TLS. */
  readonly protocol: "h1" | "h2";
  /** What must be installed for it, beside the test's own dependencies. */
  readonly peer?: keyof typeof peers;
  /** How it is started, once what that needs was made in the suite's own folder. */
  readonly command: (folder: string) => readonly string[] | Promise<readonly string[]>;
  /** It compresses answers that may be. */
  readonly compresses?: true;
  /** It keeps a head back until the first byte of the body. */
  readonly holdsHeads?: true;
  /** It finds out that a client left when it writes to it. */
  readonly noticesByWriting?: true;
  /** Requests cannot wait for each other, so there is no publisher. */
  readonly isolates?: true;
}

const program = (name: string): string => fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
const onNode = (name: string, ...words: readonly string[]) => ({
  command: () => [process.execPath, program(name), ...words],
});
export const onBun = (name: string, ...words: readonly string[]) => ({
  peer: "bun" as const,
  command: (): [string, ...string[]] => [peers.bun.needs[0], program(name), ...words],
});
const onDeno = (name: string, ...words: readonly string[]) => ({
  peer: "deno" as const,
  command: () => [peers.deno.needs[0], "run", "--allow-all", program(name), ...words],
});
const onWorkerd = (config: "worker" | "durable-object") => ({
  peer: "workerd" as const,
  command: async (folder: string) => [
    peers.workerd.needs[0],
    "serve",
    await bundledWorker(program("worker"), config, folder),
    // Where it says its port.
    "--control-fd=1",
  ],
});

export const hosts: readonly Host[] = [
  { name: "node:http", protocol: "h1", ...onNode("node") },
  { name: "node:http2", protocol: "h2", ...onNode("node", "http2") },
  { name: "Express", protocol: "h1", ...onNode("express") },
  { name: "Express behind compression", protocol: "h1", ...onNode("express", "compression"), compresses: true },
  { name: "Fastify", protocol: "h1", ...onNode("fastify") },
  { name: "Fastify behind @fastify/compress", protocol: "h1", ...onNode("fastify", "compress"), compresses: true },
  { name: "Fastify over HTTP/2", protocol: "h2", ...onNode("fastify", "http2") },
  { name: "Hono on @hono/node-server", protocol: "h1", ...onNode("hono") },
  { name: "Hono on @hono/node-server over HTTP/2", protocol: "h2", ...onNode("hono", "http2") },
  { name: "Bun", protocol: "h1", ...onBun("bun"), holdsHeads: true },
  { name: "node:http of Bun", protocol: "h1", ...onBun("node") },
  { name: "node:http2 of Bun", protocol: "h2", ...onBun("node", "http2") },
  { name: "Deno", protocol: "h1", ...onDeno("deno") },
  { name: "Deno over HTTP/2", protocol: "h2", ...onDeno("deno", "http2") },
  { name: "node:http of Deno", protocol: "h1", ...onDeno("node") },
  // Its node:http2 is not here: an assertion of its nghttp2 ends the process now and then, when a stream is cut (2.9.6).
  { name: "workerd", protocol: "h1", ...onWorkerd("worker"), noticesByWriting: true, isolates: true },
  { name: "a Durable Object of workerd", protocol: "h1", ...onWorkerd("durable-object"), noticesByWriting: true },
  { name: "Next", protocol: "h1", peer: "next", command: builtNext, compresses: true, holdsHeads: true },
];
