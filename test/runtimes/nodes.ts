import { fileURLToPath } from "node:url";

/** A Node that the suite is run on besides the one that runs it. */
export interface NodeRuntime {
  /** As far as it matters: `22.19` is the least that the packages allow, `22` the newest of its line. */
  readonly version: string;
  /** Its binary. */
  readonly path: string;
}

/** Installed by `npm ci`, and locked in `nodes/`. */
export const nodes: readonly NodeRuntime[] = ["22.19", "22", "26"].map((version) => ({
  version,
  path: fileURLToPath(new URL(`nodes/node_modules/node-${version}/bin/node`, import.meta.url)),
}));

/** Why these Nodes cannot be had here; `undefined` where they can. */
export const notHere: string | undefined =
  process.platform === "linux" && process.arch === "x64"
    ? undefined
    : `the other Nodes are locked for Linux on x64 alone; here is ${process.platform} on ${process.arch}`;
