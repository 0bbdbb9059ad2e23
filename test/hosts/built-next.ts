import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { npmFolder, peers } from "../interop/peer-list.ts";

/** Builds the app of `peers` as its users do; answers with the command that serves it. */
export async function builtNext(): Promise<readonly string[]> {
  const [next] = peers.next.needs;
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  await promisify(execFile)(process.execPath, [next, "build", npmFolder], { env, timeout: 120_000 });
  return [process.execPath, next, "start", npmFolder, "--port", "0", "--hostname", "127.0.0.1"];
}
