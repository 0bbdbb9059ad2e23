import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { shownDuration } from "./duration.ts";
import { cannotListen } from "./exit-codes.ts";
import { type ListenAddress, listen } from "./listen-address.ts";
import type { Say } from "./say.ts";
import type { World } from "./world.ts";

/** What goes on beside a server. */
export interface Serving {
  readonly say: Say;
  /** It listens: what of it is to be said beside the URL, which is printed on stdout. */
  readonly listening?: ((url: string) => void) | undefined;
  /** Lets those who are there end; resolves when they have. */
  readonly close: () => Promise<unknown>;
}

/**
 * Listens, prints the URL on stdout, and serves until the first Ctrl-C. Then nobody new comes in, and those who are there have 5 s to end before
 * they are cut. Answers the exit code.
 */
export async function serveUntil(
  server: Server,
  address: ListenAddress,
  { stdout, stderr, clock, interrupted }: World,
  { say, listening, close }: Serving,
): Promise<number> {
  const sockets = new Set<Socket>();
  /** Those that have asked for nothing: browsers open some in advance. */
  const unasked = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    for (const all of [sockets, unasked]) {
      all.add(socket);
      socket.once("close", () => all.delete(socket));
    }
  });
  for (const event of ["request", "upgrade"]) {
    server.on(event, ({ socket }: IncomingMessage) => unasked.delete(socket));
  }
  try {
    const url = await listen(server, address);
    // Who read it may leave; that is no reason to stop.
    stdout.write(`${url}\n`);
    listening?.(url);
  } catch (error) {
    stderr.write(`longwire: ${(error as Error).message}\n`);
    await close();
    return cannotListen;
  }
  await aborted(interrupted);
  say("dim", "close", `those who are there have ${shownDuration(deadlineMs)}`);
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of unasked) socket.destroy();
  const cancel = clock.timer(deadlineMs, () => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all([closed, close()]);
  cancel();
  return 0;
}

const deadlineMs = 5_000;

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
