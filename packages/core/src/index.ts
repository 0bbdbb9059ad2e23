export { asStreamError, StreamError } from "./errors.ts";
export type {
  CertificateFault,
  ClockName,
  Cursor,
  ErrorCode,
  GapEnds,
  LimitName,
  Outcome,
  OutcomeCode,
  StreamErrorDetails,
} from "./errors.ts";
export { backoff } from "./time/backoff.ts";
export type { BackoffPolicy } from "./time/backoff.ts";
export { systemClock } from "./time/clock.ts";
export type { Clock } from "./time/clock.ts";
export { Deadlines } from "./time/deadlines.ts";
export { wait } from "./time/wait.ts";
export { systemRandom } from "./time/random.ts";
export type { Random } from "./time/random.ts";
export type { HeaderRecord } from "./request/header-record.ts";
export { secretHeaders } from "./request/secret-headers.ts";
export { resolveUrl } from "./request/resolve-url.ts";
export type { ResolvedUrl } from "./request/resolve-url.ts";
export { shownUrl } from "./request/shown-url.ts";
export { originOf, unixUrl } from "./request/unix-url.ts";
export type { UnixUrl } from "./request/unix-url.ts";
export { isSafe, StreamRequest } from "./request/stream-request.ts";
export type { RequestBody, StreamRequestInit } from "./request/stream-request.ts";
export type {
  Framing,
  ResponseHeaders,
  StreamResponse,
  Transport,
  Lane,
  Queued,
  TransportCall,
  TransportEvents,
} from "./transport/transport.ts";
export { waitedFor } from "./transport/queued.ts";
export { codedHeaders } from "./transport/coded-headers.ts";
export { layered } from "./transport/layer.ts";
export type { Layer } from "./transport/layer.ts";
export { wakeEvents } from "./transport/fetch-wake.ts";
export type { WakeScope } from "./transport/fetch-wake.ts";
export { fetchTransport } from "./transport/fetch-transport.ts";
export type { FetchTransportOptions } from "./transport/fetch-transport.ts";
export { askedHeaders, authLayer, basic, bearer } from "./layers/auth.ts";
export type { Auth, AuthCall, Credentials } from "./layers/auth.ts";
export { redirectLayer } from "./layers/redirect.ts";
export type { RedirectOptions } from "./layers/redirect.ts";
export { checkLayer, mediaType } from "./layers/check.ts";
export type { ExpectedBody } from "./layers/check.ts";
export { refusal } from "./layers/refusal.ts";
export { byteLimit } from "./frames/byte-limit.ts";
export { checkedOnBadItem } from "./frames/on-bad-item.ts";
export type { OnBadItem } from "./frames/on-bad-item.ts";
export { emptySink } from "./frames/decoder.ts";
export type { BadItem, Decoder, EndOfBody, Mark, Sink } from "./frames/decoder.ts";
export { framed } from "./frames/framed.ts";
export { lineSplitter } from "./frames/lines.ts";
export type { LinePlace, LineSplitter } from "./frames/lines.ts";
export { checkedOnOversize, PartialItem } from "./frames/partial-item.ts";
export type { ByteLimit, OnOversize } from "./frames/partial-item.ts";
export { linesDecoder } from "./frames/lines-decoder.ts";
export type { LinesOptions } from "./frames/lines-decoder.ts";
export { bytesDialect } from "./events/bytes-dialect.ts";
export { checkedBy, checkedSchema, isStandardSchema } from "./events/standard-schema.ts";
export type { Checked, SchemaIssue, SchemaResult, StandardSchema } from "./events/standard-schema.ts";
export { applied } from "./events/apply-cursor.ts";
export { itemRules } from "./events/item-rules.ts";
export type { Gap, ItemRules, OwnRules } from "./events/item-rules.ts";
export type { Dialect } from "./events/dialect.ts";
export { linesDialect } from "./events/lines-dialect.ts";
export type { Attempt, AttemptEnd, Batch, Head, Opener, OpenerCall } from "./events/opener.ts";
export type {
  Message,
  SocketEnd,
  SocketListener,
  SocketOpener,
  SocketRequest,
  WireSocket,
} from "./events/socket-opener.ts";
export { terminator } from "./events/until.ts";
export type { Terminator, Until } from "./events/until.ts";
export { createBudget } from "./session/budget.ts";
export type { Budget, BudgetOptions } from "./session/budget.ts";
export { waitReason } from "./session/notice.ts";
export type { Notice } from "./session/notice.ts";
export { isRetried } from "./session/policy.ts";
export { memoryCursorStore } from "./session/cursor-store.ts";
export type { CursorStore } from "./session/cursor-store.ts";
export { defaultRetryTable } from "./session/policy.ts";
export type { ReconnectPolicy, RetryOn, RetryTable } from "./session/policy.ts";
export type { Puller } from "./session/run.ts";
export type { Running, RunningStream, SessionSettings } from "./session/settings.ts";
export type { SessionState, Tally, WaitCause } from "./session/state.ts";
export { Inbox, latestBy } from "./consumer/inbox.ts";
export type { DropPolicy, Entry, LatestBy } from "./consumer/inbox.ts";
export { PullIterator } from "./consumer/pull-iterator.ts";
export type { Source, Take } from "./consumer/pull-iterator.ts";
export { EventStream } from "./consumer/event-stream.ts";
export type { StreamStats } from "./consumer/event-stream.ts";
export type { Consumption } from "./consumer/delivery.ts";
export type { NodeWritable } from "./consumer/outlet.ts";
export { pipe } from "./consumer/pipe.ts";
export type { PipeOptions } from "./consumer/pipe.ts";
export { shared } from "./consumer/shared.ts";
export type { Shared, SharedOptions } from "./consumer/shared.ts";
export type { SharedReader } from "./consumer/shared-reader.ts";
export type { NoticeOptions, NoticeReader, Watch, WatchedStream } from "./consumer/notices.ts";
export {
  checkBudget,
  checkedMethod,
  checkedRetries,
  checkOptions,
  defaultTimeouts,
  headersOf,
} from "./checked-options.ts";
export type { HeadersOption, ReconnectOptions, ResumeOptions, StreamOptions, TimeoutOptions } from "./options.ts";
export { checkResume, openBytes, openLines, openStream, settingsOf } from "./open.ts";
export type { StreamSource } from "./open.ts";
