import type { Lane } from "@longwire/core";

/** The connections to one origin for one use, at a moment. */
export interface LaneStats {
  /** Scheme, host and port, or `unix:` and the path of the socket. */
  readonly origin: string;
  readonly lane: Lane;
  /** What the last connection speaks; `undefined` until there was one. */
  readonly protocol: "h1" | "h2" | undefined;
  /** Connections that are up. */
  readonly open: number;
  /** Connections being made. */
  readonly connecting: number;
  /** Of those that are up: they carry a request, or several. */
  readonly inUse: number;
  /** Of those that are up: they carry none. */
  readonly free: number;
  /** Of those in use: their server wants them to end (GOAWAY), so they take no more, and do not count against the limit. */
  readonly draining: number;
  /** Requests under way. */
  readonly running: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Requests that were given a connection so far. */
  readonly requests: number;
  /** Of these: it had carried one before. */
  readonly reused: number;
}
