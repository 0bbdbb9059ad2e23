export { checkPlan } from "./fault-plan.ts";
export type { FaultPlan, FaultPlans } from "./fault-plan.ts";
export { faultSteps } from "./fault-steps.ts";
export type { FaultStep } from "./fault-steps.ts";
export type { Answer, Answering, AnswerRequest } from "./answer.ts";
export { answerByPlan } from "./answer-by-plan.ts";
export { loopbackServer } from "./loopback-server.ts";
export type { LoopbackConnection, LoopbackRequest, LoopbackServer, LoopbackServerOptions } from "./loopback-server.ts";
export { faultProxy } from "./fault-proxy.ts";
export type { FaultProxy, FaultProxyCounts, FaultProxyOptions } from "./fault-proxy.ts";
export { leakCounter } from "./leak-counter.ts";
export type { LeakCounter, LeakCounterOptions, LeakKind } from "./leak-counter.ts";
export { conformance, decoding } from "./conformance.ts";
export type {
  ConformanceFailure,
  ConformanceFormat,
  ConformanceOptions,
  ConformanceRun,
  Decoding,
} from "./conformance.ts";
export { everyCut } from "@longwire/core/testing";
export type { CutBody } from "@longwire/core/testing";
