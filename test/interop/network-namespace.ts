import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { commandPath } from "./launch.ts";

/** The command that enters a network of its own, with nothing but loopback in it; or why this machine has none. */
export type NamespaceEntry = { readonly enter: readonly string[] } | { readonly obstacle: string };

/** Tries it: with a network namespace alone, as root may, then with a user namespace around it, as anyone may. */
export function namespaceEntry(): NamespaceEntry {
  const tried: string[] = [];
  for (const kind of ["--net", "--user --map-root-user --net"]) {
    const enter = ["unshare", ...kind.split(" "), "--kill-child", "sh", "-c", `ip link set lo up && exec "$@"`, "sh"];
    const [command, ...args] = [...enter, "nft", "add table inet longwire"];
    const { status, error, stderr } = spawnSync(command as string, args, { env, encoding: "utf8", timeout: 10_000 });
    if (status === 0) return { enter };
    tried.push(`unshare ${kind}: ${error?.message ?? stderr.trim()}`);
  }
  return { obstacle: `this machine gives no network namespace with a firewall (${tried.join("; ")})` };
}

/** Runs a program of ours in there, to its end, and answers the JSON that it printed. */
export async function runInNamespace(enter: readonly string[], program: string, deadlineMs: number): Promise<unknown> {
  const [command, ...args] = [...enter, process.execPath, program];
  const options = { env, timeout: deadlineMs, killSignal: "SIGKILL" } as const;
  const { stdout } = await promisify(execFile)(command as string, args, options);
  return JSON.parse(stdout);
}

const env = { ...process.env, PATH: commandPath };
