export { nodeTransport } from "./node-transport.ts";
export type { NodeTransport, NodeTransportOptions } from "./node-transport.ts";
export type { SocketStats } from "./socket-pool.ts";
