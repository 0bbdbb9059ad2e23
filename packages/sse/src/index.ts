export { sseDecoder } from "./sse-decoder.ts";
export type { SseDecoderOptions } from "./sse-decoder.ts";
export type { ServerSentEvent } from "./server-sent-event.ts";
export { openSse } from "./open-sse.ts";
export type { OpenSseOptions } from "./open-sse.ts";
