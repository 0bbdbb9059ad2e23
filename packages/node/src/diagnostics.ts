import { channel } from "node:diagnostics_channel";
import {
  type ClockName,
  type LimitName,
  type Outcome,
  type OutcomeCode,
  StreamError,
  type WaitCause,
  type Watch,
  type WatchedStream,
} from "@longwire/core";

/** What is published on each channel. Nothing of it is a secret: URLs are masked, and no header, cursor or text of a body is told. */
export interface DiagnosticsMessages {
  /** An attempt begins, behind the wait before it. */
  readonly "longwire:attempt:start": AttemptMessage;
  /** It was answered, well. */
  readonly "longwire:attempt:open": AttemptMessage & { readonly status: number };
  /** It is over. `aged`: it was as old as `maxAgeMs` allows. `waitMs`: until the next one, when there will be one. */
  readonly "longwire:attempt:end": AttemptMessage &
    Ending<OutcomeCode | "aged"> & { readonly waitMs?: number | undefined };
  /** The stream has its first good answer. */
  readonly "longwire:stream:open": StreamMessage & { readonly status: number };
  /** The stream is over, for its consumer; told of each that made an attempt. */
  readonly "longwire:stream:end": StreamMessage &
    Ending<OutcomeCode> & { readonly items: number; readonly bytes: number; readonly attempts: number };
}

interface StreamMessage {
  /** The stream: the same object in all that is told of it. */
  readonly stream: WatchedStream;
  /** Without userinfo, and with `***` for every query value. */
  readonly url: string;
}

interface AttemptMessage extends StreamMessage {
  /** The first is 1. */
  readonly attempt: number;
}

/** How it ended; what else is known of it is there only then. */
interface Ending<Code> {
  readonly code: Code;
  readonly status?: number;
  readonly phase?: "name" | "connect" | "tls";
  readonly clock?: ClockName | "pongMs";
  readonly limit?: LimitName;
  readonly closeCode?: number;
}

/**
 * Publishes what happens to streams on channels of `node:diagnostics_channel`, named as the fields of {@link DiagnosticsMessages}: the
 * `watch` of a stream. A client made under Node has it. A channel that nobody listens to costs a look at it; its message is not made. A
 * `request()` is told as a stream, which ends when its reply was read or let go.
 *
 * At the first answer the attempt is told before the stream, at the end too.
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import { openLines } from "@longwire/core";
 * import { diagnostics, type DiagnosticsMessages, nodeTransport } from "@longwire/node";
 *
 * subscribe("longwire:attempt:end", (message) => {
 *   const { url, attempt, code, waitMs } = message as DiagnosticsMessages["longwire:attempt:end"];
 *   console.error(url, attempt, code, waitMs);
 * });
 * await using transport = nodeTransport();
 * for await (const line of openLines("https://a.example/log", { transport, watch: diagnostics() })) console.log(line);
 * ```
 */
export function diagnostics(): Watch {
  const attemptStart = publisher("longwire:attempt:start");
  const attemptOpen = publisher("longwire:attempt:open");
  const attemptEnd = publisher("longwire:attempt:end");
  const streamOpen = publisher("longwire:stream:open");
  const streamEnd = publisher("longwire:stream:end");
  return (stream, url) => {
    /** The attempt under way; 0: none. */
    let attempt = 0;
    let opened = false;
    return (notice) => {
      switch (notice.type) {
        case "opening":
          attempt = notice.attempt;
          if (attemptStart.heard) attemptStart.publish({ stream, url, attempt });
          return;
        case "open": {
          const { status } = notice;
          if (attemptOpen.heard) attemptOpen.publish({ stream, url, attempt, status });
          if (!opened && streamOpen.heard) streamOpen.publish({ stream, url, status });
          opened = true;
          return;
        }
        case "waiting": {
          const { cause, waitMs } = notice;
          // A wait for the budget of the origin comes before an attempt, and ends none.
          if (cause === "budget") return;
          if (attemptEnd.heard) attemptEnd.publish({ stream, url, attempt, ...endingBy(cause), waitMs });
          attempt = 0;
          return;
        }
        case "closed": {
          const { outcome } = notice;
          const { items, bytes, attempts } = outcome;
          if (attempt > 0 && attemptEnd.heard) attemptEnd.publish({ stream, url, attempt, ...lastEnding(outcome) });
          if (attempts > 0 && streamEnd.heard) {
            streamEnd.publish({ stream, url, ...ending(outcome.code, outcome.error), items, bytes, attempts });
          }
          attempt = 0;
        }
      }
    };
  };
}

interface Publisher<Message> {
  readonly heard: boolean;
  publish(message: Message): void;
}

function publisher<Name extends keyof DiagnosticsMessages>(name: Name): Publisher<DiagnosticsMessages[Name]> {
  const own = channel(name);
  return {
    get heard() {
      return own.hasSubscribers;
    },
    publish: (message) => own.publish(message),
  };
}

/** How an attempt ended that others follow. */
function endingBy(cause: Exclude<WaitCause, "budget">): Ending<OutcomeCode | "aged"> {
  return typeof cause === "string" ? { code: cause } : ending(cause.code, cause);
}

/** How the last attempt ended: as the stream did, or below that. */
function lastEnding({ code, error }: Outcome): Ending<OutcomeCode> {
  if (code !== "exhausted") return ending(code, error);
  const { cause } = error as StreamError;
  return cause instanceof StreamError ? ending(cause.code, cause) : { code: "ended" };
}

function ending(code: OutcomeCode, error: unknown): Ending<OutcomeCode> {
  if (!(error instanceof StreamError)) return { code };
  const { status, phase, clock, limit, closeCode } = error;
  return {
    code,
    ...(status !== undefined && { status }),
    ...(phase && { phase }),
    ...(clock && { clock }),
    ...(limit && { limit }),
    ...(closeCode !== undefined && { closeCode }),
  };
}
