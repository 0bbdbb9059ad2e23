import type { EventStream } from "@longwire/core";
import { fakeClock, scriptedTransport } from "@longwire/core/testing";
import { bytesConversation, type Conversation, ndjsonConversation, sseConversation } from "./cut-conversations.ts";
import { scripted, wireBytes } from "./cut-wire.ts";

/** A place in a conversation: behind so many bytes of this answer. */
export interface Cut {
  /** From 0. */
  readonly answer: number;
  readonly after: number;
}

const framings = ["length", "chunked", "close"] as const;

export const conversations: readonly Conversation[] = [
  ...framings.map((framing) => sseConversation(framing)),
  sseConversation("close", "until"),
  ...framings.map((framing) => ndjsonConversation(framing)),
  ndjsonConversation("close", "until"),
  ...framings.map((framing) => bytesConversation(framing)),
];

/**
 * Every place before, between and behind the bytes that a server writes when nothing is cut. The conversation is held once and
 * recorded for that.
 */
export async function everyCut(conversation: Conversation): Promise<Cut[]> {
  const recorded: number[] = [];
  const clock = fakeClock();
  const transport = scriptedTransport(({ url, headers }) => {
    const answer = conversation.answer({ query: new URL(url).searchParams, headers });
    recorded.push(wireBytes(answer).length);
    return scripted(answer);
  });
  const read = readAll(conversation, conversation.open("https://a.example/", { transport, clock }));
  await clock.advance(60_000);
  const wrong = await read;
  if (wrong) throw new Error(`The uncut conversation went wrong: ${wrong}`);
  return recorded.flatMap((length, answer) => Array.from({ length: length + 1 }, (_, after) => ({ answer, after })));
}

/** Reads a stream to its end, and answers what was not as it must be: all that was sent, once and in order, and `complete`. */
export async function readAll(conversation: Conversation, stream: EventStream<unknown>): Promise<string | undefined> {
  const items: unknown[] = [];
  try {
    for await (const item of stream) items.push(item);
  } catch {
    // The outcome tells.
  }
  const { code, attempts, error } = await stream.outcome;
  const received = conversation.received(items);
  const { sent } = conversation;
  if (code === "complete" && received.length === sent.length && received.every((item, n) => item === sent[n]))
    return undefined;
  const differs = sent.findIndex((item, n) => item !== received[n]);
  const at = differs === -1 ? sent.length : differs;
  const why = error instanceof Error ? ` (${error.message})` : "";
  return (
    `${code}${why} after ${attempts} attempts, ${received.length} pieces of ${sent.length}; ` +
    `piece ${at} is ${shown(received[at])}, and ${shown(sent[at])} was sent`
  );
}

/** What went wrong in a grid, for its test to show: where, and the first few in full. */
export function report(wrong: ReadonlyMap<Cut, string>): string {
  if (wrong.size === 0) return "";
  const lines = [...wrong].slice(0, mostShown).map(([cut, why]) => `${placeOf(cut)}: ${why}`);
  return `${wrong.size} cuts went wrong: ${ranges([...wrong.keys()]).join(", ")}\n${lines.join("\n")}`;
}

function placeOf({ answer, after }: Cut): string {
  return `answer ${answer} behind byte ${after}`;
}

/** Cuts side by side are told as one. */
function ranges(cuts: readonly Cut[]): string[] {
  const inOrder = cuts.toSorted((a, b) => a.answer - b.answer || a.after - b.after);
  const starts = inOrder.filter((cut, n) => !isNext(inOrder[n - 1], cut));
  const ends = inOrder.filter((cut, n) => !isNext(cut, inOrder[n + 1]));
  return starts.map((start, n) => {
    const { after } = ends[n] as Cut;
    return after === start.after ? placeOf(start) : `${placeOf(start)} to ${after}`;
  });
}

function isNext(a: Cut | undefined, b: Cut | undefined): boolean {
  return a !== undefined && b !== undefined && a.answer === b.answer && a.after + 1 === b.after;
}

function shown(item: string | undefined): string {
  return item === undefined ? "none" : JSON.stringify(item.slice(0, 80));
}

const mostShown = 10;
