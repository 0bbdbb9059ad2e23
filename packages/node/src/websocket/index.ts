export { webSocketAcceptor } from "./web-socket-acceptor.ts";
export type { WebSocketAcceptor, WebSocketAcceptorOptions } from "./web-socket-acceptor.ts";
export { nodeWebSocket } from "./node-websocket.ts";
export type { NodeWebSocketOptions, PerMessageDeflate } from "./node-websocket.ts";
