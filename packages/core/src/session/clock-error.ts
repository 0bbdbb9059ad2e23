import { type ClockName, StreamError } from "../errors.ts";
import { waitedFor } from "../transport/queued.ts";
import type { Opening } from "./opening.ts";

/**
 * The error of a clock that ran out: what could not be done, what was missing, for how long, and the option that said so.
 * Of the attempt it tells what held it up: `queued`; and `hidden`, a transport that does not show the connection, where `headersMs` ran
 * for the sum of two.
 */
export function clockError(
  clock: ClockName,
  timeouts: Readonly<Record<ClockName, number>>,
  url: string,
  attempt: Pick<Opening<unknown>, "hidden" | "queued"> | undefined,
): StreamError {
  const ms = timeouts[clock];
  switch (clock) {
    case "connectMs":
      return new StreamError(
        "deadline",
        `Cannot reach ${url}: no connection after ${ms} ms (connectMs)${waitedFor(attempt?.queued)}`,
        { clock },
      );
    case "headersMs":
      if (attempt?.hidden) {
        const sum = `${timeouts.connectMs + ms} ms (connectMs + headersMs: this transport does not show the connection)`;
        return new StreamError("deadline", `Cannot open ${url}: no answer after ${sum}`, { clock });
      }
      return new StreamError("deadline", `Cannot open ${url}: no answer after ${ms} ms (headersMs)`, { clock });
    case "totalMs":
      return new StreamError("deadline", `Cannot finish ${url}: ${ms} ms are over (totalMs)`, { clock });
    case "firstItemMs":
      return new StreamError("idle", `Cannot keep reading ${url}: no first item after ${ms} ms (firstItemMs)`, {
        clock,
      });
    case "idleMs":
      return new StreamError("idle", `Cannot keep reading ${url}: no byte for ${ms} ms (idleMs)`, { clock });
    case "progressMs":
      return new StreamError("idle", `Cannot keep reading ${url}: no item for ${ms} ms (progressMs)`, { clock });
    case "maxAgeMs":
      throw new TypeError("maxAgeMs is no error: the connection is changed");
    default:
      return clock satisfies never;
  }
}
