import { fetchTransport } from "@longwire/core";
import { Client } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";

/**
 * A client on fetch: for browsers, workers and every runtime but Node, where the same import gives one on undici.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createClient } from "longwire";
 *
 * const client = createClient({ baseUrl: "https://api.example.com" });
 * for await (const event of client.sse("/events")) console.log(event.data);
 * ```
 */
export function createClient(options: ClientOptions = {}): Client<[]> {
  const nothing = { stats: (): [] => [], close: () => Promise.resolve(), destroy: () => Promise.resolve() };
  return new Client(options, Object.assign(fetchTransport(), nothing));
}

export { basic, bearer, EventStream, fetchTransport, StreamError, StreamRequest, waitReason } from "@longwire/core";
export type {
  Auth,
  AuthCall,
  BadItem,
  BudgetOptions,
  ClockName,
  Credentials,
  Cursor,
  ErrorCode,
  Head,
  Notice,
  NoticeReader,
  Outcome,
  OutcomeCode,
  ReconnectOptions,
  ResumeOptions,
  SessionState,
  StreamOptions,
  StreamStats,
  TimeoutOptions,
  Transport,
  Until,
} from "@longwire/core";
export type { ServerSentEvent } from "@longwire/sse";
export type { CallOptions, Client, ClientStats } from "./client.ts";
export type { ClientOptions } from "./client-options.ts";
export { Reply } from "./reply.ts";
export type { RequestOptions } from "./reply.ts";
