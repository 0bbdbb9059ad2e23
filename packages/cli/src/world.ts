import type { Readable, Writable } from "node:stream";
import type { Clock } from "@longwire/core";

/** What the command has of the process it runs in. */
export interface World {
  /** Asked for only when a body is read from it. */
  stdin(): Readable;
  /** Data, and nothing else. */
  readonly stdout: Terminal;
  /** Everything else. */
  readonly stderr: Terminal;
  readonly clock: Clock;
  /** Aborted by the first Ctrl-C, or SIGTERM. */
  readonly interrupted: AbortSignal;
}

/** An output that may be a terminal. */
export type Terminal = Writable & { readonly isTTY?: boolean };
