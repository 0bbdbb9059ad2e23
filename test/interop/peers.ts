import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Peer, peers } from "./peer-list.ts";

/**
 * A suite that needs a third-party server. Where the command is missing, it is a visible skip that names the Debian package;
 * with `LONGWIRE_REQUIRE_PEERS=1`, as in CI, it is a failure.
 */
export function describeWithPeer(name: keyof typeof peers, title: string, suite: () => void): void {
  const peer: Peer = peers[name];
  if (isOnPath(peer.command)) {
    describe(title, suite);
    return;
  }
  const need = `${title}: needs ${peer.command}, of the Debian package ${peer.debianPackage} (npm run setup:peers)`;
  const required = process.env["LONGWIRE_REQUIRE_PEERS"] === "1";
  // The reporter counts skips and does not name them.
  if (!required) console.warn(`Skipped: ${need}`);
  it(need, (context) => (required ? expect.unreachable(need) : context.skip(need)));
}

function isOnPath(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
