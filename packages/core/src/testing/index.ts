export { everyCut } from "./every-cut.ts";
export type { CutBody } from "./every-cut.ts";
export { fakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
export { seededRandom } from "./seeded-random.ts";
export { scriptedTransport } from "./scripted-transport.ts";
export type {
  Script,
  ScriptedAnswer,
  ScriptedTransport,
  ScriptedTransportOptions,
  ScriptStep,
} from "./scripted-transport.ts";
export { scriptedSockets } from "./scripted-sockets.ts";
export type { ScriptedPeer, ScriptedSocket, ScriptedSockets } from "./scripted-sockets.ts";
