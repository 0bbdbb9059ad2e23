import { basic, type Auth, type StreamOptions } from "@longwire/core";
import { headersOfLines } from "../header-lines.ts";
import type { Item } from "./item.ts";
import type { OutputForm } from "./printer.ts";
import { bodyType, requestBody } from "./request-body.ts";
import type { Reading } from "./tail-dialect.ts";
import { UsageError } from "../usage-error.ts";
import type { World } from "../world.ts";

/** What stands on the command line of `tail` beside the URL, as commander hands it on. */
export interface TailFlags {
  readonly as: Reading;
  /** Lines of `Name: value`. */
  readonly header?: readonly string[];
  readonly request?: string;
  readonly data?: string;
  readonly user?: string;
  readonly max?: number;
  /** Milliseconds. */
  readonly idle?: number;
  readonly retries?: number;
  readonly until?: string;
  readonly since?: string;
  readonly cursor?: string;
  readonly cursorParam?: string;
  readonly output?: OutputForm;
  readonly quiet?: boolean;
}

/** The options of the stream that these flags ask for. @throws UsageError; the interrupt's reason while a body is read */
export async function tailOptions(flags: TailFlags, world: World): Promise<StreamOptions<Item>> {
  checkCombination(flags);
  const { request, data, user, idle, retries, until, since } = flags;
  const headers = headersOfLines(flags.header ?? []);
  const auth = user === undefined ? undefined : authOf(user);
  const body = data === undefined ? undefined : await requestBody(data, world);
  return {
    method: request,
    headers: body === undefined ? headers : { "content-type": bodyType(body), ...headers },
    body,
    auth,
    timeouts: { idleMs: idle },
    reconnect: retries === 0 ? false : { retries },
    until,
    resume: since === undefined ? undefined : { from: since },
    clock: world.clock,
    signal: world.interrupted,
  };
}

function checkCombination({ as, until, since, cursor, cursorParam }: TailFlags): void {
  const flag = [
    as === "lines" && since !== undefined && "--since",
    cursor !== undefined && "--cursor",
    cursorParam !== undefined && "--cursor-param",
  ].find(Boolean);
  if (flag && (as === "lines" || as === "bytes")) {
    const why = as === "lines" ? "lines cannot be resumed" : "bytes are resumed by their offset";
    throw new UsageError(`${flag} does nothing with --as ${as}: ${why}`);
  }
  if (as === "bytes" && since !== undefined && !isOffset(since)) {
    throw new UsageError(
      `--since with --as bytes must be a whole number of bytes from 0 up, not ${JSON.stringify(since)}`,
    );
  }
  if (as === "bytes" && until !== undefined)
    throw new UsageError("--until does nothing with --as bytes: bytes have no lines");
  if (cursor !== undefined && cursorParam === undefined) {
    throw new UsageError(
      "--cursor says where a record has its resume point; say also how to send it, with --cursor-param NAME",
    );
  }
  if (cursorParam !== undefined && cursor === undefined && as !== "sse") {
    throw new UsageError(
      "--cursor-param says how a resume point is sent; say also where a record has it, with --cursor FIELD",
    );
  }
  if ((as === "ndjson" || as === "json-seq") && since !== undefined && cursorParam === undefined) {
    throw new UsageError(`--since needs --cursor FIELD and --cursor-param NAME here: ${as} itself has no resume point`);
  }
}

function isOffset(text: string): boolean {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

function authOf(user: string): Auth {
  const colon = user.indexOf(":");
  if (colon === -1) throw new UsageError("-u needs a name, a colon and a password, such as -u 'ops:secret'");
  return basic(user.slice(0, colon), user.slice(colon + 1));
}
