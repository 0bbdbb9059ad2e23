export { nodeTransport } from "./node-transport.ts";
export type { NodeTransport } from "./node-transport.ts";
export type { Takeover, TakeOverOptions } from "./take-over.ts";
export type { LaneOption, LanesOption, NodeTransportOptions } from "./transport-options.ts";
export type { LaneStats } from "./lane.ts";
export type { SocketStats } from "./socket-pool.ts";
export { diagnostics } from "./diagnostics.ts";
export type { DiagnosticsMessages } from "./diagnostics.ts";
export { fileCursorStore } from "./file-cursor-store.ts";
