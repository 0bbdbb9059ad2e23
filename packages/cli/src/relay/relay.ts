import { createServer } from "node:http";
import { shownUrl } from "@longwire/core";
import { relay as relayTo, type RelayOptions } from "@longwire/server";
import { headersOfLines } from "../header-lines.ts";
import { sayOn } from "../say.ts";
import { serveUntil } from "../serve-until.ts";
import { askedFor, tellEnding } from "../tell-ending.ts";
import { UsageError } from "../usage-error.ts";
import type { World } from "../world.ts";
import type { RelayFlags } from "./relay-command.ts";

/**
 * Relays until it is interrupted, and answers with the exit code.
 *
 * @throws UsageError, before it listens
 */
export async function relay(flags: RelayFlags, world: World): Promise<number> {
  const { clock, stderr } = world;
  const { to, listen, header = [], connect, head, idle, trustForwarded, quiet = false } = flags;
  const say = sayOn(stderr, quiet);
  const failed = new WeakSet<object>();
  const headers = Object.entries(headersOfLines(header));
  const framing = headers.find(([name]) => name === "content-length" || name === "transfer-encoding");
  if (framing) throw new UsageError(`-H cannot have ${framing[0]}: each body says how long it is`);
  const passing = made(to, {
    timeouts: { connectMs: connect, headersMs: head, idleMs: idle },
    trustForwarded,
    clock,
    rewrite: (request) => headers.reduce((changed, [name, value]) => changed.withHeader(name, value), request),
    onFailure: (error, request) => {
      failed.add(request);
      say("red", "fail", `${askedFor(request)}: ${(error as Error).message}`);
    },
  });
  const server = createServer(relayedRequests, (request, response) => {
    tellEnding(request, response, { say, clock, wasBroken: () => failed.has(request) });
    passing(request, response);
  });
  server.on("upgrade", (request, socket, early) => {
    say("cyan", "switch", `${askedFor(request)} to ${request.headers.upgrade}`);
    passing.upgrade(request, socket, early);
  });

  return serveUntil(server, listen, world, {
    say,
    listening: (url) => say("green", "listen", `${url}, to ${shownUrl(to)}`),
    close: () => passing.close(),
  });
}

/** A body may come for as long as it likes: the relay's own clocks hold for it. Without the other one Node gives a head as long, too. */
export const relayedRequests = { requestTimeout: 0, headersTimeout: 60_000 } as const;

function made(to: string, options: RelayOptions): ReturnType<typeof relayTo> {
  try {
    return relayTo(to, options);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(`--to: ${error.message}`);
    throw error;
  }
}
