import type { Answer, FaultPlan } from "@longwire/testing";

/** What a path answers with: the answer as it is without faults, what breaks it, and what is told when it is over. */
export interface Served<Made = Answer | (() => Answer)> {
  readonly answer: Made;
  readonly plan: FaultPlan;
  readonly over?: (() => void) | undefined;
}

/** A response of the web as an answer; how long it is nobody knows. */
export function answerOf({ status, headers, body }: Response): Answer {
  return { status, headers: Object.fromEntries(headers), body: body ?? undefined, framing: "chunked" };
}
