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
export type { RequestOptions } from "./send-request.ts";
export { createClient } from "./create-client.ts";
