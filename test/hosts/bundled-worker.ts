import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/** Bundles a worker as its users do, with a configuration that serves it on a free port; answers with that file's path. */
export async function bundledWorker(
  program: string,
  config: "worker" | "durable-object",
  folder: string,
): Promise<string> {
  await build({
    entryPoints: [program],
    bundle: true,
    format: "esm",
    platform: "neutral",
    conditions: ["workerd", "worker"],
    mainFields: ["module", "main"],
    outfile: join(folder, "worker.js"),
  });
  const path = join(folder, `${config}.capnp`);
  await writeFile(path, configText(config === "durable-object" ? durableObject : ""));
  return path;
}

// The date is that of the behaviour: a worker says which it was written for.
function configText(more: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  ${more}
);
`;
}

const durableObject = `durableObjectNamespaces = [(className = "AppObject", uniqueKey = "app")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "objects", durableObjectNamespace = "AppObject")],`;
