// An answer as bytes on a wire, and what a client has seen of it when the wire is cut.

import { StreamError } from "@longwire/core";
import type { ScriptedAnswer, ScriptStep } from "@longwire/core/testing";
import type { FaultPlan } from "@longwire/testing";

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly framing: "length" | "chunked" | "close";
  readonly body: Uint8Array;
}

/** How a wire is cut. */
export const faults = ["FIN", "RST", "stall"] as const;
export type Fault = (typeof faults)[number];

/** The plan of a proxy or a server that cuts behind so many bytes. */
export function planOf(fault: Fault, after: number): FaultPlan {
  switch (fault) {
    case "FIN":
      return { cutAfter: after };
    case "RST":
      return { resetAfter: after };
    case "stall":
      return { stall: after };
    default:
      return fault satisfies never;
  }
}

/** All bytes of an answer: head, framing and body. */
export function wireBytes(answer: WireAnswer): Uint8Array {
  return Buffer.concat(segmentsOf(answer).map(({ bytes }) => bytes));
}

/** A whole answer for a scripted transport. */
export function scripted(answer: WireAnswer): ScriptedAnswer {
  const { status, framing, body } = answer;
  return { status, headers: headersOf(answer), framing, chunks: [body] };
}

/** What a transport makes of an answer whose wire is cut behind so many bytes. */
export function scriptedCut(answer: WireAnswer, after: number, fault: Fault): ScriptedAnswer {
  const { head, bodyLength, over } = seenAfter(answer, after);
  if (!head) return fault === "stall" ? { headersMs: 2 ** 40 } : { error: broken[fault] };
  const ends = over || (fault === "FIN" && answer.framing === "close");
  const then: ScriptStep[] = ends ? [] : [fault === "stall" ? "stall" : { error: broken[fault] }];
  return { ...scripted(answer), chunks: [answer.body.subarray(0, bodyLength), ...then] };
}

const broken = {
  FIN: new StreamError("truncated", "The server closed the connection"),
  RST: new StreamError("reset", "The connection broke"),
} as const;

/** How much a client has seen: whether all of the head, how much of the body, and whether it knows that this was all. */
function seenAfter(answer: WireAnswer, after: number): { head: boolean; bodyLength: number; over: boolean } {
  let left = after;
  let bodyLength = 0;
  const segments = segmentsOf(answer);
  for (const { bytes, isBody } of segments) {
    if (isBody) bodyLength += Math.max(0, Math.min(left, bytes.length));
    left -= bytes.length;
  }
  return {
    head: after >= (segments[0] as Segment).bytes.length,
    bodyLength,
    over: left === 0 && answer.framing !== "close",
  };
}

interface Segment {
  readonly bytes: Uint8Array;
  readonly isBody?: boolean;
}

/** The head, then pieces of framing and body. */
function segmentsOf(answer: WireAnswer): Segment[] {
  const { status, framing, body } = answer;
  const lines = [
    `HTTP/1.1 ${status} Recorded`,
    ...Object.entries(headersOf(answer)).map(([name, value]) => `${name}: ${value}`),
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  if (framing !== "chunked") return [{ bytes: head }, { bytes: body, isBody: true }];
  const pieces: Segment[] = [];
  // Chunks of 5, 35, 245, 60, … bytes: their sizes have one digit and two, and their ends fall into items.
  for (let from = 0, size = 5; from < body.length; from += size, size = (size * 7) % 331) {
    const bytes = body.subarray(from, from + size);
    pieces.push(
      { bytes: Buffer.from(`${bytes.length.toString(16)}\r\n`) },
      { bytes, isBody: true },
      { bytes: lineEnd },
    );
  }
  return [{ bytes: head }, ...pieces, { bytes: Buffer.from("0\r\n\r\n") }];
}

function headersOf({ status, headers, framing, body }: WireAnswer): Record<string, string> {
  if (framing === "close") return { ...headers, connection: "close" };
  if (framing === "chunked") return { ...headers, "transfer-encoding": "chunked" };
  return status === 204 ? { ...headers } : { ...headers, "content-length": String(body.length) };
}

const lineEnd = Buffer.from("\r\n");
