// Installs the Debian packages of the servers that test/interop talks to: `npm run setup:peers`. Those that are there stay as they are.

import { spawnSync } from "node:child_process";
import { peers } from "./peer-list.ts";

const wanted = [...new Set(Object.values(peers).map((peer) => peer.debianPackage))];
const missing = wanted.filter((name) => !isInstalled(name));

if (missing.length === 0) {
  console.log(`All peers are installed: ${wanted.join(", ")}.`);
} else {
  const install = ["install", "--yes", "--no-install-recommends", ...missing];
  if (spawnSync("apt-get", ["--version"]).status !== 0)
    stop(`this machine has no apt-get. Install by hand: ${missing.join(", ")}`);
  if (process.getuid?.() !== 0)
    stop(`only root may install. Run: sudo apt-get update && sudo apt-get ${install.join(" ")}`);
  aptGet("update");
  aptGet(...install);
  console.log(`Installed: ${missing.join(", ")}.`);
}

function isInstalled(name: string): boolean {
  // dpkg knows removed packages too; only this state is an installed one.
  const answer = spawnSync("dpkg-query", ["--show", "--showformat=${db:Status-Status}", name], { encoding: "utf8" });
  return answer.stdout === "installed";
}

function aptGet(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, signal, error } = spawnSync("apt-get", args, {
    stdio: ["ignore", "inherit", "inherit"],
    env,
    timeout: 600_000,
  });
  if (status !== 0) stop(`apt-get ${args.join(" ")} ended with ${error?.message ?? signal ?? status}`);
}

function stop(why: string): never {
  console.error(`Cannot install the peers: ${why}`);
  process.exit(1);
}
