// The same grid as on sockets, with a scripted transport and a fake clock: here only the session, the decoders and the dialects can
// be wrong.

import { fakeClock, scriptedTransport } from "@longwire/core/testing";
import { describe, expect, test } from "vitest";
import type { Conversation } from "./cut-conversations.ts";
import { type Cut, conversations, everyCut, readAll, report } from "./cut-grid.ts";
import { type Fault, faults, scripted, scriptedCut } from "./cut-wire.ts";

describe.each(conversations)("$name, scripted", (conversation) => {
  test.each(faults)(
    "cut by %s behind every byte that the server writes, all is received, in order and once, and it is complete",
    async (fault) => {
      const wrong = new Map<Cut, string>();
      const cuts = await everyCut(conversation);
      const answers = (cuts.at(-1) as Cut).answer + 1;
      for (const cut of cuts) {
        // One cut is worth one request more.
        const failure = await readCut(conversation, fault, cut, answers + 1);
        if (failure !== undefined) wrong.set(cut, failure);
      }
      expect(report(wrong)).toBe("");
    },
    120_000,
  );
});

async function readCut(
  conversation: Conversation,
  fault: Fault,
  cut: Cut,
  mostRequests: number,
): Promise<string | undefined> {
  const clock = fakeClock();
  const transport = scriptedTransport(
    ({ url, headers }, index) => {
      const answer = conversation.answer({ query: new URL(url).searchParams, headers });
      return index === cut.answer ? scriptedCut(answer, cut.after, fault) : scripted(answer);
    },
    { clock },
  );
  const stream = conversation.open("https://a.example/", {
    transport,
    clock,
    random: () => 0,
    reconnect: { retries: 3 },
  });
  const read = readAll(conversation, stream);
  // Above all clocks and waits together.
  await clock.advance(3_600_000);
  if (stream.state.name !== "closed") await stream.close();
  const failure = await read;
  if (failure !== undefined) return failure;
  const { requests, open } = transport;
  if (requests.length > mostRequests) return `${requests.length} requests, of which ${mostRequests} were needed`;
  return clock.pending + open === 0 ? undefined : `${clock.pending} timers and ${open} exchanges are left`;
}
