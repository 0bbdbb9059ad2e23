// Installs what test/interop and test/hosts talk to: `npm run setup:peers`. The runtimes that npm has go into test/hosts/peers, by the
// lock file there; of the Debian packages those that are there stay as they are.
// The services that come with them are neither started nor left to start with the machine: tests run instances of their own.

import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { npmFolder, type Peer, peers, services } from "./peer-list.ts";

const all = Object.values<Peer>(peers);
run("npm", "install", "--no-save", "--silent", "--prefix", npmFolder);
console.log(`Installed by npm: ${all.flatMap(({ npmPackages = [] }) => npmPackages).join(", ")}.`);

const wanted = [...new Set(all.flatMap(({ debianPackages = [] }) => debianPackages))];
const missing = wanted.filter((name) => !isInstalled(name));

if (missing.length === 0) {
  console.log(`All Debian packages are installed: ${wanted.join(", ")}.`);
} else {
  const install = ["install", "--yes", "--no-install-recommends", ...missing];
  if (spawnSync("apt-get", ["--version"]).status !== 0)
    stop(`this machine has no apt-get. Install by hand: ${missing.join(", ")}`);
  if (process.getuid?.() !== 0)
    stop(`only root may install. Run: sudo apt-get update && sudo apt-get ${install.join(" ")}`);
  startNothing();
  run("apt-get", "update");
  run("apt-get", ...install);
  const unused = missing.flatMap((name) => services[name] ?? []);
  // By its files, so that it does not matter whether systemd runs.
  if (unused.length > 0 && existsSync("/bin/systemctl")) run("systemctl", "--root=/", "disable", ...unused);
  console.log(`Installed: ${missing.join(", ")}.`);
}

function isInstalled(name: string): boolean {
  // dpkg knows removed packages too; only this state is an installed one.
  const answer = spawnSync("dpkg-query", ["--show", "--showformat=${db:Status-Status}", name], { encoding: "utf8" });
  return answer.stdout === "installed";
}

/** As long as this runs; by Debian's own word for it, which a container often has already: invoke-rc.d(8), deb-systemd-invoke(1p). */
function startNothing(): void {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return;
  process.once("exit", () => rmSync(policy, { force: true }));
  // An interrupt would end this without an exit.
  process.once("SIGINT", () => process.exit(130));
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
}

function run(command: string, ...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, signal, error } = spawnSync(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env,
    timeout: 600_000,
  });
  if (status !== 0) stop(`${command} ${args.join(" ")} ended with ${error?.message ?? signal ?? status}`);
}

function stop(why: string): never {
  console.error(`Cannot install the peers: ${why}`);
  process.exit(1);
}
