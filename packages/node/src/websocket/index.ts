export { nodeWebSocket } from "./node-websocket.ts";
export type { NodeWebSocketOptions } from "./node-websocket.ts";
