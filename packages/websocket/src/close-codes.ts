// What a close code means: RFC 6455 section 7.4, and the registry of IANA, https://www.iana.org/assignments/websocket.
//
// Which of the errors are retried is said where it is said for statuses, in `defaultRetryTable`: of these `reset`, `truncated`, 1011, 1013, 1014.

import { type AttemptEnd, type ErrorCode, type SocketEnd, StreamError } from "@longwire/core";

/** How a stream ends by the end of its socket; errors call it `url`. */
export function endOfSocket({ code, reason, error }: SocketEnd, url: string): AttemptEnd {
  if (error) return error;
  const [end, meaning] = table[code] ?? (code >= 4_000 ? ownCode : unknownCode);
  if (end === "complete" || end === "ended") return end;
  const why = code === noCloseFrame ? meaning : `it was closed with ${code}, ${meaning}`;
  const said = reason === "" ? "" : `, saying ${JSON.stringify(reason)}`;
  return new StreamError(end, `Cannot keep reading ${url}: ${why}${said}`, {
    closeCode: code,
    ...(reason !== "" && { closeReason: reason }),
    ...(end === "unreachable" && { phase: "tls" as const }),
  });
}

type Meaning = readonly [end: "complete" | "ended" | ErrorCode, meaning: string];

const noCloseFrame = 1006;

const table: Readonly<Record<number, Meaning>> = {
  // The one code by which a server says that there is no more.
  1000: ["complete", "normal closure"],
  // The server, or what stands before it, leaves: there is more, from another one or in a while.
  1001: ["ended", "going away"],
  1005: ["ended", "no code"],
  1012: ["ended", "service restart"],
  // What would happen again.
  1002: ["protocol", "a protocol error"],
  1003: ["protocol", "a type of data that it does not take"],
  1007: ["protocol", "a message that is not of its type, such as text that is no UTF-8"],
  1009: ["limit", "a message that is too big for it"],
  1010: ["protocol", "an extension that it should have agreed to"],
  // What the server, or the caller's table, decides.
  1008: ["refused", "a breach of its policy"],
  1011: ["refused", "an internal error"],
  1013: ["refused", "try again later"],
  1014: ["refused", "a bad gateway"],
  3000: ["refused", "unauthorized"],
  3003: ["refused", "forbidden"],
  3008: ["refused", "a timeout"],
  // What no frame holds.
  [noCloseFrame]: ["truncated", "the connection ended without a close frame"],
  1015: ["unreachable", "a TLS handshake that failed"],
};

const ownCode: Meaning = ["refused", "a code of its own"];
const unknownCode: Meaning = ["refused", "a code that is not known"];
