import { accessSync, constants } from "node:fs";
import { delimiter, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { commandPath } from "./launch.ts";
import { type Peer, peers } from "./peer-list.ts";

/**
 * A suite that needs third-party software. Where it is missing, or `obstacle` finds that the machine forbids its use, there is a
 * visible skip that says what is missing; with `LONGWIRE_REQUIRE_PEERS=1`, as in CI, a failure.
 */
export function describeWithPeer(
  name: keyof typeof peers,
  title: string,
  suite: () => void,
  obstacle: () => string | undefined = () => undefined,
): void {
  const peer: Peer = peers[name];
  const missing = peer.needs.filter((need) => !isThere(need));
  const lack =
    missing.length > 0 ? `needs ${missing.join(", ")}, of ${origin(peer)} (npm run setup:peers)` : obstacle();
  if (lack === undefined) {
    describe(title, suite);
    return;
  }
  const need = `${title}: ${lack}`;
  const required = process.env["LONGWIRE_REQUIRE_PEERS"] === "1";
  // The reporter counts skips and does not name them.
  if (!required) console.warn(`Skipped: ${need}`);
  it(need, (context) => (required ? expect.unreachable(need) : context.skip(need)));
}

function origin({ debianPackages, npmPackages }: Peer): string {
  if (debianPackages) return `the Debian packages ${debianPackages.join(", ")}`;
  return `the npm packages ${npmPackages?.join(", ")}`;
}

function isThere(need: string): boolean {
  return searched.some((folder) => {
    try {
      accessSync(resolve(folder, need), need.startsWith("/") ? constants.R_OK : constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const searched = commandPath.split(delimiter);
