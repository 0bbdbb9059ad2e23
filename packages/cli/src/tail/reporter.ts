import {
  type GapEnds,
  type Notice,
  type Outcome,
  shownUrl,
  StreamError,
  type WaitCause,
  waitReason,
} from "@longwire/core";
import { shownDuration } from "../duration.ts";
import { escapeControls } from "../escape-controls.ts";
import { indented, sayOn } from "../say.ts";
import type { Terminal } from "../world.ts";

/** All that is no data, for stderr: what happens to the stream, how it ended and why. */
export interface Reporter {
  notice(notice: Notice): void;
  /** Why the stream did not end well. Printed by a quiet reporter too. */
  error(error: unknown): void;
  /** The last line. */
  summary(ending: Ending): void;
}

export interface Ending extends Omit<Outcome, "error" | "items"> {
  readonly printed: number;
  readonly elapsedMs: number;
}

export function reporter(stderr: Terminal, url: string, quiet: boolean): Reporter {
  const say = sayOn(stderr, quiet);
  const print = (text: string): unknown => stderr.write(`${escapeControls(text)}\n`);

  return {
    notice(notice) {
      switch (notice.type) {
        case "opening":
          if (notice.attempt === 1) say("dim", "try", shownUrl(url));
          return;
        case "open":
          return void say(
            "green",
            "open",
            `${notice.status}${notice.attempt === 1 ? "" : `, attempt ${notice.attempt}`}`,
          );
        case "resumed":
          return void say("green", "resume", `after ${JSON.stringify(notice.cursor)}`);
        case "gap":
          return void say("magenta", "gap", `items may be missing ${gapText(notice)}`);
        case "replayed":
          return void say("dim", "replay", `left out ${notice.items} that came again`);
        case "aged":
          return void say(
            "dim",
            "aged",
            notice.recycled ? "a new connection is made" : "kept: nothing says where to go on",
          );
        case "dropped":
          return void say("red", "drop", `${notice.items} not read in time, ${notice.total} so far`);
        case "unsaved":
          return void say("red", "unsaved", `cursor ${JSON.stringify(notice.cursor)} could not be saved`);
        case "waiting":
          if (notice.cause !== "budget") say("red", "cut", cut(notice.cause));
          return void say("yellow", "wait", waiting(notice));
        case "bad":
          return void say("red", "bad", `line ${notice.item.line}: ${notice.item.reason}`);
        case "comment":
        case "closed":
          return;
        default:
          notice satisfies never;
      }
    },
    error(error) {
      const message = error instanceof Error ? error.message : String(error);
      print(`longwire: ${indented(message)}`);
      if (quiet || !(error instanceof StreamError)) return;
      const excerpt = excerptOf(error);
      if (excerpt) print(`    ${indented(excerpt)}`);
    },
    summary({ code, printed, bytes, attempts, cursor, elapsedMs }) {
      const counts = [
        count(printed, "item"),
        count(bytes, "byte"),
        count(attempts, "attempt"),
        shownDuration(elapsedMs),
      ];
      if (cursor !== undefined) counts.push(`cursor ${JSON.stringify(cursor)}`);
      const well = code === "complete" || code === "ended" || code === "closed";
      say(well ? "green" : "red", "end", `${code === "aborted" ? "interrupted" : code}: ${counts.join(", ")}`);
    },
  };
}

function cut(cause: Exclude<WaitCause, "budget">): string {
  // Which URL it is was said when it was tried.
  return typeof cause === "string"
    ? waitReason(cause)
    : `${cause.code}: ${cause.message.replace(/^Cannot [a-z ]+ https?:\/\/\S+: /, "")}`;
}

function waiting({ cause, waitMs, retry }: Extract<Notice, { type: "waiting" }>): string {
  const why = cause === "budget" ? waitReason(cause) : retry === 0 ? "then open again" : `then retry ${retry}`;
  return `${shownDuration(waitMs)}, ${why}`;
}

/** The beginning of the body that came with a refusal, also when retries of it gave up. */
function excerptOf(error: StreamError): string | undefined {
  const { excerpt } = error.cause instanceof StreamError ? error.cause : error;
  return excerpt?.trim().slice(0, 500);
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

function gapText({ from, to }: GapEnds): string {
  const after = from === undefined ? "from the start" : `after ${JSON.stringify(from)}`;
  return to === undefined ? after : `${after}, before ${JSON.stringify(to)}`;
}
