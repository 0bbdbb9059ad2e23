// The counter alone: it loads in no time, for a setup file that stands before every test.

export { leakCounter } from "./leak-counter.ts";
export type { LeakCounter, LeakCounterOptions, LeakKind } from "./leak-counter.ts";
