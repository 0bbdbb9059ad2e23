export {
  basic,
  bearer,
  defaultRetryTable,
  EventStream,
  fetchTransport,
  latestBy,
  memoryCursorStore,
  shared,
  StreamError,
  StreamRequest,
  waitReason,
} from "@longwire/core";
export type {
  Auth,
  AuthCall,
  BadItem,
  BudgetOptions,
  ClockName,
  Credentials,
  Cursor,
  CursorStore,
  DropPolicy,
  ErrorCode,
  GapEnds,
  Head,
  Notice,
  NoticeReader,
  Outcome,
  OutcomeCode,
  ReconnectOptions,
  ResumeOptions,
  RetryTable,
  SessionState,
  Shared,
  SharedOptions,
  SharedReader,
  StandardSchema,
  StreamOptions,
  StreamStats,
  TimeoutOptions,
  Transport,
  Until,
} from "@longwire/core";
export { fileCursorStore } from "@longwire/node";
export type { CheckedEvent, ServerSentEvent } from "@longwire/sse";
export type { CallOptions, Client, ClientStats } from "./client.ts";
export type { ClientOptions } from "./client-options.ts";
export { Reply } from "./reply.ts";
export type { RequestOptions } from "./send-request.ts";
export { createClient } from "./create-client.node.ts";
