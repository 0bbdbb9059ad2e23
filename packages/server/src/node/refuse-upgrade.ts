import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@longwire/core";
import { endGently } from "./end-gently.ts";

/** An answer that refuses. */
export interface Unwelcome {
  /** 400 to 599. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: none. */
  readonly text?: string | undefined;
}

/**
 * What was answered to the question whether a client may come in, `undefined`: it may.
 *
 * @throws TypeError, RangeError for all else that is no refusal: who says `false` means something by it
 */
export function checkedUnwelcome(answer: Unwelcome | undefined): Unwelcome | undefined {
  if (answer === undefined) return undefined;
  if (typeof answer !== "object" || answer === null) {
    throw new TypeError(`A client is let in by undefined and refused by { status, … }, got ${String(answer)}`);
  }
  const { status } = answer;
  if (Number.isInteger(status) && status >= 400 && status <= 599) return answer;
  throw new RangeError(`The status of a refusal must be from 400 to 599, got ${String(status)}`);
}

/**
 * Refuses an upgrade in words, and ends its connection.
 *
 * @throws TypeError, RangeError for what cannot be sent; nothing is sent then
 */
export function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  { status, headers, text = "" }: Unwelcome,
  clock: Clock,
): void {
  const answer = new ServerResponse(request);
  answer.shouldKeepAlive = false;
  answer.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
  answer.assignSocket(socket as Socket);
  answer.end(text, () => endGently(socket, clock));
}
