import { type Clock, systemClock } from "@longwire/core";
import { told } from "./told.ts";

/** What every response of this package can be told. */
export interface ResponseOptions {
  /** Status of the answer, 200 to 299 but 204 and 205. Default 200. */
  readonly status?: number | undefined;
  /** Headers beside those of the format, or instead of them; none that say how the body is framed. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Silence after which a heartbeat is sent, in ms; `0`: never. Default 15_000 for SSE (a comment), 0 for NDJSON (an empty line). */
  readonly heartbeatMs?: number | undefined;
  /**
   * How long a client may take nothing of what is sent before it is cut, in ms: a source that waits for it is let go then. `0` waits for
   * ever, as long as the connection lasts. Default 0.
   */
  readonly stallMs?: number | undefined;
  /** Told what the source threw, or what of it could not be encoded, before the connection is cut. What it throws is lost. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Default: the real one. */
  readonly clock?: Clock | undefined;
}

/** What only an event stream has. */
export interface SseResponseOptions extends ResponseOptions {
  /** Length of a comment sent first, in bytes, for proxies that hold back the beginning of a body: 2_048 is what they ask for. Default 0. */
  readonly paddingBytes?: number | undefined;
  /** How long clients are to wait before they come back, in whole ms: the `retry:` field, sent first. Default: not told. */
  readonly retryMs?: number | undefined;
}

/** The options with their defaults, checked. */
export interface CheckedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly heartbeatMs: number;
  readonly stallMs: number;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** @throws TypeError, RangeError that name the option and print its value */
export function checkedResponse(options: ResponseOptions, contentType: string, heartbeatMs: number): CheckedResponse {
  const { status = 200, headers = {}, clock = systemClock, onError } = options;
  if (!Number.isInteger(status) || status < 200 || status > 299 || status === 204 || status === 205) {
    throw new RangeError(`status must be from 200 to 299 and have a body, got ${String(status)}`);
  }
  return {
    status,
    headers: {
      "content-type": contentType,
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      ...checkedHeaders(headers),
    },
    heartbeatMs: wholeFrom(0, "heartbeatMs", options.heartbeatMs ?? heartbeatMs),
    stallMs: wholeFrom(0, "stallMs", options.stallMs ?? 0),
    clock,
    onError: told(onError),
  };
}

/** In lower case. @throws TypeError on what cannot be sent: a line break would make two of one */
function checkedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    new Headers([[name, value]]);
    checked[name.toLowerCase()] = value;
  }
  for (const name of ["content-length", "transfer-encoding"]) {
    if (name in checked) throw new TypeError(`headers cannot have ${name}: how long a stream is nobody knows`);
  }
  return checked;
}

/** @throws TypeError, RangeError when it is no whole number from `least` up */
export function wholeFrom(least: number, name: string, value: number): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${typeof value} ${String(value)}`);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`${name} must be a whole number from ${least} up, got ${value}`);
}
