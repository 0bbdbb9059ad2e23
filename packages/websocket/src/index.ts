export { globalWebSocket } from "./global-websocket.ts";
export type { GlobalWebSocketOptions } from "./global-websocket.ts";
export type { SendPolicy } from "./outbox.ts";
export type { Hello, HelloCall, Messages } from "./websocket-opener.ts";
export type { Query, WebSocketOptions } from "./websocket-options.ts";
export { WebSocketStream } from "./websocket-stream.ts";
export type { WebSocketStats } from "./websocket-stream.ts";
export { httpUrl, openWebSocket } from "./open-websocket.ts";
