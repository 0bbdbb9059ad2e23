import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, systemClock } from "@longwire/core";
import { type Answer, answerOf, plannedAnswer } from "./answer.ts";
import { carry } from "./carry.ts";
import { endings } from "./endings.ts";
import { checkPlan, type FaultPlan } from "./fault-plan.ts";
import { faultFlow } from "./fault-steps.ts";
import { responseCarrier } from "./response-carrier.ts";

/**
 * Answers a request of a server of your own as {@link loopbackServer} does: the answer, broken as the plan says. Resolves when it is over, however
 * it ended; the body is let go then. Where the plan answers itself, or never, a function is not asked. What is thrown resets the connection, too.
 *
 * @throws TypeError, RangeError on a bad plan or answer; what the function or the body throws
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { answerByPlan } from "@longwire/testing";
 *
 * createServer((request, response) => {
 *   const after = new URL(request.url ?? "/", "http://any").searchParams.get("cutAfter");
 *   const plan = after === null ? {} : { cutAfter: Number(after) };
 *   answerByPlan(request, response, { body: "a body" }, plan).catch(console.error);
 * }).listen(8080, "127.0.0.1");
 * ```
 */
export async function answerByPlan(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer | (() => Answer | Promise<Answer>),
  plan: FaultPlan,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): Promise<void> {
  const over = new AbortController();
  response.once("close", () => over.abort());
  if (response.destroyed) over.abort();
  try {
    const flow = faultFlow(checkPlan(plan));
    const made = answerOf(plan) ?? (typeof answer === "function" ? await answer() : answer);
    const planned = plannedAnswer(made, plan, { method: String(request.method) });
    await carry(planned.flow, flow, responseCarrier(response, planned), { clock, signal: over.signal });
  } catch (error) {
    // An answer that was let go may complain.
    if (over.signal.aborted) return;
    endings.reset(request.socket);
    throw error;
  }
}
