// What a plan means, once: bytes go in, steps come out. No I/O, no time; the carriers do what the steps say.

import { constants, gzipSync } from "node:zlib";
import { checkPlan, type FaultPlan } from "./fault-plan.ts";

/**
 * One thing a carrier does. `begin`: the answer begins (its head may leave). `write`: these bytes leave, apart from those before.
 * `wait`: nothing for so long. `end`: the flow's own end. `cut`: FIN, all is over. `halfClose`: FIN, the other direction goes on.
 * `reset`: RST. `stall`: nothing more, until the carrier is healed.
 */
export type FaultStep =
  | { readonly do: "begin" | "end" | "cut" | "halfClose" | "reset" | "stall" }
  | { readonly do: "write"; readonly bytes: Uint8Array }
  | { readonly do: "wait"; readonly ms: number };

/**
 * The steps that a plan makes of a flow, given whole.
 *
 * @throws TypeError, RangeError on a bad plan
 * @example
 * ```ts
 * import { faultSteps } from "@longwire/testing";
 *
 * const steps = faultSteps({ cutAfter: 3 }, [new TextEncoder().encode("abcdef")]);
 * console.log(steps.map((step) => step.do)); // [ 'begin', 'write', 'cut' ]
 * ```
 */
export function faultSteps(plan: FaultPlan, chunks: Iterable<Uint8Array>): FaultStep[] {
  const flow = faultFlow(checkPlan(plan));
  const steps = [...flow.begin()];
  for (const chunk of chunks) steps.push(...flow.push(chunk));
  steps.push(...flow.end());
  // Nothing heals a flow that is given whole.
  const stall = steps.findIndex((step) => step.do === "stall");
  return stall === -1 ? steps : steps.slice(0, stall + 1);
}

/** The same for a flow that comes piece by piece; each call's steps are taken before the next call. */
export interface FaultFlow {
  begin(): Iterable<FaultStep>;
  push(chunk: Uint8Array): Iterable<FaultStep>;
  end(): Iterable<FaultStep>;
  /** The next step is a stall. */
  stall(): void;
  /** From here on all passes as it comes, also what stalled. */
  heal(): void;
}

/** Makes one for a plan that was checked. It keeps no bytes, but for up to `gzipStall` of them. */
export function faultFlow(plan: FaultPlan): FaultFlow {
  const encode = plan.gzipStall === undefined ? undefined : gzipStalling(plan.gzipStall);
  const insertions = insertionsOf(plan);
  const sizes = [plan.drip?.bytes ?? plan.slice ?? Number.POSITIVE_INFINITY].flat() as number[];
  const gapMs = plan.drip?.everyMs ?? plan.delay?.chunkMs ?? 0;
  let ending = endingOf(plan);
  let taken = 0;
  let sent = 0;
  let room = sizes.shift() as number;
  let size = room;
  let stalled = false;
  let healed = false;
  let over = false;

  function* begin(): Iterable<FaultStep> {
    if (plan.delay?.firstMs) yield { do: "wait", ms: plan.delay.firstMs };
    if (plan.blackhole) yield { do: "stall" };
    yield { do: "begin" };
    yield* push(new Uint8Array(0));
  }

  function* push(chunk: Uint8Array): Iterable<FaultStep> {
    for (const piece of withInsertions(chunk)) {
      if (over) return;
      if (encode) yield* encoded(encode.push(piece));
      else yield* upToTheEnd(piece);
    }
  }

  function* end(): Iterable<FaultStep> {
    if (over) return;
    if (encode) yield* encoded(encode.end());
    if (stalled) yield { do: "stall" };
    if (!over) yield { do: "end" };
    over = true;
  }

  function* withInsertions(chunk: Uint8Array): Iterable<Uint8Array> {
    let from = 0;
    for (let [next] = insertions; next && next.at <= taken + chunk.length; [next] = insertions) {
      yield chunk.subarray(from, next.at - taken);
      yield* next.pieces;
      from = next.at - taken;
      insertions.shift();
    }
    yield chunk.subarray(from);
    taken += chunk.length;
  }

  function* encoded({ bytes, stalled }: Encoded): Iterable<FaultStep> {
    yield* paced(bytes);
    if (stalled) yield* finish("stall");
  }

  function* upToTheEnd(bytes: Uint8Array): Iterable<FaultStep> {
    const left = ending ? ending.at - sent : bytes.length;
    yield* paced(bytes.subarray(0, left));
    // Healing may have taken the end away since.
    if (ending?.at === sent) yield* finish(ending.do);
    if (!over) yield* paced(bytes.subarray(left));
  }

  function* finish(how: Ending["do"]): Iterable<FaultStep> {
    yield { do: how };
    // Only a carrier that was healed comes back from a stall; what gzip left in mid-block cannot be mended.
    over = how !== "stall" || encode !== undefined;
    ending = undefined;
  }

  function* paced(bytes: Uint8Array): Iterable<FaultStep> {
    for (let from = 0; from < bytes.length; ) {
      if (gapMs > 0 && sent > 0 && !healed) yield { do: "wait", ms: gapMs };
      if (stalled) yield { do: "stall" };
      const length = healed ? bytes.length - from : Math.min(room, bytes.length - from);
      yield { do: "write", bytes: bytes.subarray(from, from + length) };
      from += length;
      sent += length;
      room -= length;
      if (room <= 0) room = size = sizes.shift() ?? size;
    }
  }

  function stall(): void {
    stalled = true;
  }

  function heal(): void {
    healed = true;
    stalled = false;
    ending = undefined;
  }

  return { begin, push, end, stall, heal };
}

/** How many bytes a plan puts into a body of `length`. */
export function addedBytes(plan: FaultPlan, length: number): number {
  return insertionsOf(plan)
    .filter(({ at }) => at <= length)
    .reduce((sum, { pieces }) => sum + pieces.length, 0);
}

/** Bytes put in at a place of the original flow, each a piece of its own. */
interface Insertion {
  readonly at: number;
  readonly pieces: readonly Uint8Array[];
}

function insertionsOf({ splitBom, badUtf8 }: FaultPlan): Insertion[] {
  const insertions: Insertion[] = [];
  if (splitBom) insertions.push({ at: 0, pieces: [0xef, 0xbb, 0xbf].map((byte) => Uint8Array.of(byte)) });
  if (badUtf8 !== undefined) insertions.push({ at: badUtf8, pieces: [Uint8Array.of(0xff)] });
  return insertions;
}

interface Ending {
  readonly do: "cut" | "reset" | "halfClose" | "stall";
  readonly at: number;
}

function endingOf({ cutAfter, resetAfter, halfClose, stall }: FaultPlan): Ending | undefined {
  if (cutAfter !== undefined) return { do: "cut", at: cutAfter };
  if (resetAfter !== undefined) return { do: "reset", at: resetAfter };
  if (halfClose !== undefined) return { do: "halfClose", at: halfClose };
  return stall === undefined ? undefined : { do: "stall", at: stall };
}

interface Encoded {
  readonly bytes: Uint8Array;
  readonly stalled: boolean;
}

/** A gzip that stalls inside a block once `at` bytes went in, and is whole when fewer did. */
function gzipStalling(at: number): { push(bytes: Uint8Array): Encoded; end(): Encoded } {
  let held = new Uint8Array(0);
  return {
    push(bytes) {
      held = Buffer.concat([held, bytes.subarray(0, at - held.length)]);
      if (held.length < at) return { bytes: new Uint8Array(0), stalled: false };
      const flushed = gzipSync(held, { finishFlush: constants.Z_SYNC_FLUSH });
      return { bytes: Buffer.concat([flushed, begunBlock]), stalled: true };
    },
    end: () => ({ bytes: gzipSync(held), stalled: false }),
  };
}

/** The head of a stored block that promises 16 bytes. RFC 1951, 3.2.4 */
const begunBlock = Uint8Array.of(0x00, 0x10, 0x00, 0xef, 0xff);
