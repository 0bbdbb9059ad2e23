import type { Queued } from "./transport.ts";

/** What an error says of an attempt that had to wait for a connection; nothing when it had not. */
export function waitedFor(queued: Queued | undefined): string {
  if (!queued) return "";
  const { lane, connections } = queued;
  return `; it waited for a connection: the lane "${lane}" may have ${connections} to that origin, all in use`;
}
