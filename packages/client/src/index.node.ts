export {
  basic,
  bearer,
  defaultRetryTable,
  EventStream,
  fetchTransport,
  latestBy,
  memoryCursorStore,
  pipe,
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
  CertificateFault,
  Clock,
  ClockName,
  Credentials,
  Cursor,
  CursorStore,
  DropPolicy,
  ErrorCode,
  Gap,
  GapEnds,
  Head,
  HeaderRecord,
  HeadersOption,
  LatestBy,
  LimitName,
  LinesOptions,
  Message,
  NodeWritable,
  Notice,
  NoticeOptions,
  NoticeReader,
  Outcome,
  OutcomeCode,
  PipeOptions,
  Random,
  ReconnectOptions,
  RequestBody,
  ResponseHeaders,
  ResumeOptions,
  RetryOn,
  RetryTable,
  SessionState,
  Shared,
  SharedOptions,
  SharedReader,
  SocketOpener,
  StandardSchema,
  StreamOptions,
  StreamStats,
  TimeoutOptions,
  Transport,
  Until,
  WaitCause,
} from "@longwire/core";
export type { OpenJsonSeqOptions, OpenNdjsonOptions } from "@longwire/ndjson";
export { fileCursorStore } from "@longwire/node";
export type { DuplexCall, DuplexOptions, Takeover, TakeOverOptions, UploadSource } from "@longwire/node";
export type { CheckedEvent, OpenCheckedSseOptions, OpenSseOptions, ServerSentEvent } from "@longwire/sse";
export type {
  Hello,
  HelloCall,
  Messages,
  Query,
  SendPolicy,
  WebSocketOptions,
  WebSocketStats,
  WebSocketStream,
} from "@longwire/websocket";
export type { CallOptions, Client, ClientStats } from "./client.ts";
export type { ClientOptions } from "./client-options.node.ts";
export { Reply } from "./reply.ts";
export type { RequestOptions } from "./send-request.ts";
export { createClient } from "./create-client.node.ts";
export type { NodeClient } from "./node-client.ts";
