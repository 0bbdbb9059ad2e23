export type { ServerSentEvent } from "./server-sent-event.ts";
export { sseDecoder } from "./sse-decoder.ts";
export type { SseDecoderOptions } from "./sse-decoder.ts";
export { encodeSse } from "./sse-encoder.ts";
export type { SseBlock } from "./sse-encoder.ts";
export { sseDialect } from "./sse-dialect.ts";
export type { SseOptions } from "./sse-dialect.ts";
export { openSse } from "./open-sse.ts";
export type { OpenSseOptions } from "./open-sse.ts";
