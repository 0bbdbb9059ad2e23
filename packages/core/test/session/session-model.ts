// What ARCHITECTURE says of a stream, once more and apart from the session: a consumer, a server and a time that moves go in, and
// all that can be seen of the stream comes out. It knows no promise, no signal and no decoder.

import type { ClockName, Cursor, OutcomeCode } from "../../src/errors.ts";
import {
  type End,
  type Failure,
  fromCursor,
  type Line,
  type ModelOptions,
  pending,
  storedCursor,
  type View,
} from "./model-terms.ts";

export class SessionModel {
  readonly options: ModelOptions;
  nowMs = 0;
  state: "idle" | "opening" | "open" | "waiting" | "closed" = "idle";
  /** How far the exchange in hand came; `over`: the client let go of it, or it failed. */
  wire: "none" | "asked" | "connected" | "refused" | "answered" | "over" = "none";
  /** The server said that there is nothing more. */
  wireEnded = false;
  /** The number of the next item that the server sends. */
  next = 1;
  /** An item of which half was sent. */
  half: Line | undefined;
  /** The first item that the server still has. */
  first = 1;
  outcome: OutcomeCode | undefined;
  readonly notices: string[] = [];
  readonly #requests: (Cursor | undefined)[] = [];
  readonly #pulls: string[] = [];
  readonly #opens: string[] = [];
  readonly #due = new Map<ClockName, number>();
  /** What the server sent and the session has not taken. */
  readonly #inbox: Chunk[] = [];
  /** The batch that the consumer is at. */
  #batch: readonly Line[] = [];
  #taken = 0;
  #acknowledged = 0;
  /** Behind the batches before. */
  #cursor: Cursor | undefined;
  #cursorAtBegin: Cursor | undefined;
  #items = 0;
  #bytes = 0;
  #heartbeats = 0;
  #attempts = 0;
  #answers = 0;
  #retries = 0;
  #failingSinceMs: number | undefined;
  #openedAtMs: number | undefined;
  #moved = false;
  #fresh = 0;
  #sent = false;
  #framed = false;
  #status: number | undefined;
  #firstStatus: number | undefined;
  #end: End | "aged" | undefined;
  /** A refusal of which the body does not end; nobody waits long for it. */
  #refusal: { readonly failure: Failure; readonly dueMs: number } | undefined;
  #toldAged = false;
  /** From which notice on each of the later readers reads. */
  readonly #readers: number[] = [];
  /** Behind this cursor items may be missing; told with the next one that comes. */
  #gap: { readonly from: Cursor | undefined } | undefined;
  /** Cursors of all items that came and were not left out. */
  readonly #handedOn: string[] = [];
  /** Items that come again straight after a resume stand from here on in those. */
  #replayedFrom: number | undefined;
  #matched = false;
  #begun = false;
  #heldAtMs: number | undefined;
  #waitDueMs: number | undefined;
  #waitsForBudget = false;
  #retryMs = 0;
  #debtMs = 0;
  #debtAtMs = 0;
  #failed: string | undefined;
  #left = false;

  constructor(options: ModelOptions) {
    this.options = options;
    this.#cursor = options.from ? fromCursor : undefined;
  }

  get view(): View {
    return {
      state: this.state,
      attempts: this.#attempts,
      cursor: this.cursor,
      items: this.items,
      bytes: this.#bytes,
      heartbeats: this.#heartbeats,
      reconnects: Math.max(0, this.#answers - 1),
      requests: this.#requests,
      pulls: this.#pulls,
      opens: this.#opens,
      notices: this.notices,
      outcome: this.#shownOutcome(),
      readers: this.#readers.map((from) => this.notices.slice(from).filter((notice) => notice !== "comment")),
      exchanges: this.wire === "none" || this.wire === "over" ? 0 : 1,
    };
  }

  #shownOutcome(): string {
    if (this.outcome === undefined) return pending;
    const counted = `${this.items} items, ${this.#bytes} bytes, ${this.#attempts} attempts`;
    return `${this.outcome}, ${counted}, cursor ${this.cursor}, error ${this.#failed ?? "none"}`;
  }

  get cursor(): Cursor | undefined {
    return this.#cursorAfter(this.#acknowledged);
  }

  get items(): number {
    return this.#items + this.#taken;
  }

  // The consumer.

  pull(): void {
    this.#pulls.push(pending);
    this.#go();
  }

  open(): void {
    this.#opens.push(pending);
    this.#go();
  }

  acknowledge(): void {
    if (this.state !== "closed") this.#acknowledged = this.#taken;
  }

  /** Begins to read the notices; of a stream that is closed there is that one. */
  read(): void {
    this.#readers.push(this.state === "closed" ? this.notices.length - 1 : this.notices.length);
  }

  /** Tries now, when it waits for its turn; for the budget it waits all the same. */
  retryNow(): boolean {
    if (this.state !== "waiting" || this.#waitsForBudget) return false;
    this.#waited();
    return true;
  }

  /** Leaves the loop. */
  leave(): void {
    this.#left = true;
    this.close();
  }

  close(): void {
    if (this.state !== "closed") this.#close(this.#matched ? "complete" : "closed");
    this.#go();
  }

  abort(): void {
    if (this.state !== "closed") this.#close("aborted", "aborted by the caller");
    this.#go();
  }

  // The server. Each is only called when the exchange is as far as that.

  connect(): void {
    this.wire = "connected";
    if (this.options.hidden) return;
    this.#sent = true;
    this.#due.delete("connectMs");
  }

  fail(failure: Failure): void {
    this.wire = "over";
    this.#turn(failure);
    this.#go();
  }

  refuse(status: number, retryAfterMs: number | undefined, stalls: boolean): void {
    const failure = { code: "refused", status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } as const;
    // What was asked for is gone, and more than that.
    if (status === 410) this.next = this.first = Math.max(this.next, this.first) + 3;
    if (!stalls) return this.fail(failure);
    this.wire = "refused";
    this.#refusal = { failure, dueMs: this.nowMs + 1_000 };
  }

  /** `back`: so many items from before what was asked for come again. */
  answer(status: number, framed: boolean, back: number): void {
    const { resumable, timeouts } = this.options;
    if (resumable) this.next = Math.max(this.first, this.next - back);
    this.wire = "answered";
    this.wireEnded = status === 204;
    this.#framed = framed;
    this.#status = status;
    this.#firstStatus ??= status;
    this.#openedAtMs = this.nowMs;
    this.#answers++;
    this.state = "open";
    this.#due.delete("connectMs");
    this.#due.delete("headersMs");
    this.#start("idleMs", timeouts.idleMs);
    this.#start("progressMs", timeouts.progressMs);
    this.#startAge();
    this.notices.push(`open ${this.#attempts} ${status}`);
    if (this.#answers > 1 && this.#lacksCursor) this.#gap ??= { from: this.cursor };
    else if (this.#answers > 1 && this.cursor !== undefined) this.notices.push(`resumed ${this.cursor}`);
    if (status === 204) this.#inbox.push({ lines: [], bytes: 0, end: "complete" });
    this.#go();
  }

  /** A chunk of whole lines, behind the half one that was sent before. */
  send(lines: readonly Line[], bytes: number): void {
    const whole = this.half ? [this.half, ...lines] : lines;
    this.half = undefined;
    this.#arrives({ lines: whole, bytes });
  }

  sendHalf(line: Line, bytes: number): void {
    this.half = line;
    this.#arrives({ lines: [], bytes });
  }

  /** FIN: what it means depends on what was sent before. */
  finish(): void {
    const clean = this.#framed && !this.options.endless ? "complete" : "ended";
    this.cut(this.half ? { code: "truncated" } : clean);
  }

  cut(end: End): void {
    this.wireEnded = true;
    this.#arrives({ lines: [], bytes: 0, end });
  }

  // Time.

  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let event = this.#nextEvent(); event.atMs <= endMs; event = this.#nextEvent()) {
      this.nowMs = event.atMs;
      event.happen();
      this.#go();
    }
    this.nowMs = endMs;
  }

  #nextEvent(): { readonly atMs: number; happen(): void } {
    let first = { atMs: Number.POSITIVE_INFINITY, happen: () => {} };
    if (this.#refusal) first = { atMs: this.#refusal.dueMs, happen: () => this.#refused() };
    if (this.#waitDueMs !== undefined) first = { atMs: this.#waitDueMs, happen: () => this.#waited() };
    for (const clock of clocks) {
      // While the consumer is busy, time stands still for every clock but `totalMs`.
      const dueMs = clock === "totalMs" || this.#heldAtMs === undefined ? this.#due.get(clock) : undefined;
      if (dueMs !== undefined && dueMs < first.atMs) first = { atMs: dueMs, happen: () => this.#ranOut(clock) };
    }
    return first;
  }

  #start(clock: ClockName, ms: number): void {
    if (ms === 0) this.#due.delete(clock);
    else this.#due.set(clock, this.nowMs + ms);
  }

  #ranOut(clock: ClockName): void {
    this.#due.delete(clock);
    const code = clock === "idleMs" || clock === "progressMs" || clock === "firstItemMs" ? "idle" : "deadline";
    if (clock === "totalMs") return this.#close(code, code);
    if (clock === "maxAgeMs") return this.#age();
    this.wire = "over";
    if (this.state === "opening") return this.#turn({ code });
    // What was not taken yet is lost with the connection.
    this.#inbox.length = 0;
    this.#inbox.push({ lines: [], bytes: 0, end: { code } });
  }

  /** Up to a fifth sooner. */
  #startAge(): void {
    const { timeouts, dice } = this.options;
    this.#start("maxAgeMs", timeouts.maxAgeMs * (1 - dice / 5));
  }

  /** The connection is changed for a new one, where that can go on behind the last item. */
  #age(): void {
    const { reconnect, resumable, unsafe } = this.options;
    const recycled = reconnect !== false && resumable && !unsafe && this.cursor !== undefined;
    if (recycled || !this.#toldAged) this.notices.push(`aged ${recycled}`);
    this.#toldAged ||= !recycled;
    if (!recycled) return this.#startAge();
    this.wire = "over";
    this.#end = "aged";
  }

  /** Opened again, it cannot say where to go on, and items may be missing. */
  get #lacksCursor(): boolean {
    const { endless, resumable } = this.options;
    return (endless || this.items > 0) && (!resumable || this.cursor === undefined);
  }

  #refused(): void {
    if (this.#refusal) this.#turn(this.#refusal.failure);
  }

  #waited(): void {
    this.#waitDueMs = undefined;
    if (this.#waitsForBudget) this.#attempt();
    else this.#spend();
  }

  // The stream.

  /** Goes on for as long as somebody waits and there is something to go on with. */
  #go(): void {
    for (;;) {
      if (this.state === "closed") return this.#settle();
      if (this.#firstStatus !== undefined) this.#settleOpens(`answered ${this.#firstStatus}`);
      this.#serve();
      const pulled = this.#pulls.includes(pending);
      if (!pulled && !this.#opens.includes(pending)) return this.#hold();
      this.#resume();
      if (pulled) this.#acknowledgeAll();
      const end = pulled ? this.#end : undefined;
      if (end === "aged") this.#recycle();
      else if (end !== undefined) this.#turn(end);
      else if (this.state === "idle") this.#begin();
      else if (!pulled || this.state !== "open" || this.#inbox.length === 0) return;
      else this.#receive();
    }
  }

  #hold(): void {
    this.#heldAtMs ??= this.nowMs;
  }

  #resume(): void {
    if (!this.#begun) this.#start("totalMs", this.options.timeouts.totalMs);
    this.#begun = true;
    const heldMs = this.nowMs - (this.#heldAtMs ?? this.nowMs);
    this.#heldAtMs = undefined;
    for (const [clock, dueMs] of this.#due) if (clock !== "totalMs") this.#due.set(clock, dueMs + heldMs);
  }

  /** Hands out what is in the batch in hand. */
  #serve(): void {
    for (;;) {
      const pull = this.#pulls.indexOf(pending);
      const rest = itemsOf(this.#batch).slice(this.#taken);
      if (pull < 0 || rest.length === 0) return;
      const given = this.options.batches ? rest : rest.slice(0, 1);
      if (!this.options.batches) this.#acknowledged = this.#taken;
      this.#taken += given.length;
      this.#pulls[pull] = given.map(({ number }) => `t${number}`).join(" ");
    }
  }

  #acknowledgeAll(): void {
    this.#cursor = this.#cursorAfter(itemsOf(this.#batch).length);
    this.#items += this.#taken;
    this.#batch = [];
    this.#taken = this.#acknowledged = 0;
  }

  /** The last cursor before the item behind the first `count` of the batch. */
  #cursorAfter(count: number): Cursor | undefined {
    if (!this.options.resumable) return this.#cursor;
    let cursor = this.#cursor;
    let seen = 0;
    for (const line of this.#batch) {
      if (line.kind === "item" && ++seen > count) break;
      if (line.kind === "item") cursor = String(line.number);
      if (line.kind === "bookmark") cursor = line.cursor;
    }
    return cursor;
  }

  #begin(): void {
    if (this.options.stored) this.#cursor = storedCursor;
    this.#spend();
  }

  /** An attempt has to be paid from the origin's budget: a bucket that runs over `perSecond`, `burst` at once. */
  #spend(): void {
    const { perSecond, burst } = this.options.budget;
    const everyMs = 1_000 / perSecond;
    this.#debtMs = Math.max(0, this.#debtMs - (this.nowMs - this.#debtAtMs)) + everyMs;
    this.#debtAtMs = this.nowMs;
    const waitMs = this.#debtMs - burst * everyMs;
    if (waitMs <= 0) return this.#attempt();
    this.#wait("budget", waitMs);
    this.#waitsForBudget = true;
  }

  #attempt(): void {
    const { hidden, endless, unsafe, resumable, timeouts } = this.options;
    const { connectMs, headersMs, firstItemMs, idleMs } = timeouts;
    this.state = "opening";
    this.wire = "asked";
    this.wireEnded = false;
    this.half = undefined;
    this.#waitsForBudget = false;
    this.#inbox.length = 0;
    this.#attempts++;
    this.#sent = hidden;
    this.#status = undefined;
    this.#openedAtMs = undefined;
    this.#moved = false;
    this.#fresh = 0;
    this.#cursorAtBegin = this.#cursor;
    this.#requests.push(resumable ? this.#cursor : undefined);
    this.notices.push(`opening ${this.#attempts}`);
    this.#start("connectMs", hidden ? 0 : connectMs);
    this.#start("headersMs", hidden && headersMs > 0 ? connectMs + headersMs : headersMs);
    this.#start("firstItemMs", firstItemMs);
    if (endless && !unsafe) this.#start("idleMs", idleMs);
    // The server goes on where the client says that it stands; who says nothing gets what is new.
    if (resumable) this.next = Math.max(this.first, Number.parseInt(String(this.#cursor ?? 0), 10) + 1);
    this.#replayedFrom = this.options.dropReplayed && this.#handedOn.length > 0 ? 0 : undefined;
  }

  #arrives(chunk: Chunk): void {
    this.#inbox.push(chunk);
    this.#go();
  }

  #receive(): void {
    const { timeouts, reconnect, until, resumable } = this.options;
    const { lines: all, bytes, end } = this.#inbox.shift() as Chunk;
    const lines = this.#withoutReplayed(all);
    this.#bytes += bytes;
    if (bytes > 0) this.#start("idleMs", timeouts.idleMs);
    for (const line of lines) {
      if (line.kind === "comment" || line.kind === "heartbeat") this.#heartbeats++;
      if (line.kind === "comment") this.notices.push("comment");
      if (line.kind === "retry") this.#retryMs = line.ms;
    }
    const last = lines.findIndex(({ kind }) => kind === "end");
    this.#batch = last < 0 ? lines : lines.slice(0, last);
    const arrived = itemsOf(this.#batch).length;
    this.#matched = last >= 0;
    this.#end = this.#matched ? "complete" : end;
    if (this.#end !== undefined) {
      this.wire = "over";
      this.#inbox.length = 0;
    }
    // An end was declared, and this is none.
    if (until && !this.#matched && typeof this.#end === "string" && this.#status !== 204)
      this.#end = { code: "truncated" };
    if (arrived === 0) return;
    this.#tellGap();
    this.#handedOn.push(...itemsOf(this.#batch).map(({ number }) => String(number)));
    for (let count = 1; count <= arrived; count++) {
      this.#moved ||= !resumable || this.#cursorAfter(count) !== this.#cursorAtBegin;
      if (this.#moved) this.#fresh++;
    }
    this.#due.delete("firstItemMs");
    this.#start("progressMs", timeouts.progressMs);
    if (reconnect && this.#fresh >= reconnect.healthyAfterItems) this.#healthy();
  }

  /** What comes again straight after a resume, in the order in which it was handed on, and what is marked among it. */
  #withoutReplayed(lines: readonly Line[]): readonly Line[] {
    let dropped = 0;
    const rest = lines.filter((line) => {
      if (line.kind === "bookmark") return !this.#liesBehind(line.cursor);
      if (line.kind !== "item" && line.kind !== "end") return true;
      const place = line.kind === "item" ? this.#handedOn.lastIndexOf(String(line.number)) : -1;
      if (this.#replayedFrom !== undefined && place >= this.#replayedFrom) {
        this.#replayedFrom = place + 1;
        dropped++;
        return false;
      }
      this.#replayedFrom = undefined;
      return true;
    });
    if (dropped > 0) this.notices.push(`replayed ${dropped}`);
    return rest;
  }

  /** A bookmark that comes again itself, or in the middle of what does. */
  #liesBehind(cursor: string): boolean {
    const from = this.#replayedFrom;
    if (from === undefined) return false;
    return this.#handedOn.includes(cursor) || (from > 0 && from < this.#handedOn.length);
  }

  #tellGap(): void {
    const [first] = itemsOf(this.#batch);
    const to = first && this.options.resumable ? first.number : undefined;
    if (this.#gap) this.notices.push(`gap ${this.#gap.from} ${to}`);
    this.#gap = undefined;
  }

  #healthy(): void {
    this.#retries = 0;
    this.#failingSinceMs = undefined;
  }

  /** An attempt is over: the stream ends with it, or waits for the next one. */
  #turn(end: End): void {
    const { reconnect, dice, onGap } = this.options;
    const isLost = this.#isLost(end);
    const proved = this.#isProved();
    const final = this.#matched || reconnect === false || !this.#isReopened(end, isLost);
    this.#over();
    const code = typeof end === "string" ? end : end.code;
    const failed = typeof end === "string" ? undefined : code;
    if (final) return this.#close(code, failed);
    if (proved) this.#healthy();
    const { retries, firstMs, maxMs, floorMs, maxElapsedMs } = reconnect;
    const retryAfterMs = typeof end === "string" ? 0 : (end.retryAfterMs ?? 0);
    const jitterMs = dice * Math.min(maxMs, firstMs * 2 ** this.#retries);
    const waitMs = Math.max(floorMs, this.#retryMs, retryAfterMs) + jitterMs;
    // What worked and ended cleanly is opened again as if it were the first time.
    const counted = !(proved && typeof end === "string");
    const late = maxElapsedMs > 0 && this.nowMs + waitMs - (this.#failingSinceMs ?? this.nowMs) > maxElapsedMs;
    if (counted && (this.#retries >= retries || (late && !proved))) {
      if (this.#retries === 0) return this.#close(code, failed);
      return this.#close("exhausted", `exhausted by ${failed ?? "ended"}`);
    }
    if (isLost) {
      this.#gap ??= { from: this.cursor };
      this.#cursor = undefined;
    } else if (onGap === "error" && this.#answers > 0 && this.#lacksCursor) {
      return this.#close(failed ?? "truncated", failed ?? "truncated");
    }
    if (counted) {
      this.#retries++;
      this.#failingSinceMs ??= this.nowMs;
    }
    this.#wait(failed ?? "ended", waitMs);
  }

  /** The old connection is too old: no failure, and no reason to wait. */
  #recycle(): void {
    const proved = this.#isProved();
    this.#over();
    if (proved) this.#healthy();
    this.#wait("aged", 0);
  }

  #over(): void {
    this.#end = undefined;
    this.#refusal = undefined;
    this.wire = "over";
    for (const clock of clocks) if (clock !== "totalMs") this.#due.delete(clock);
  }

  /** The server has not what the cursor asks for. */
  #isLost(end: End): boolean {
    if (typeof end === "string" || end.status !== 410 || this.#openedAtMs !== undefined) return false;
    return this.options.resumable && this.cursor !== undefined;
  }

  /** The attempt had so many new items, or was open for so long. */
  #isProved(): boolean {
    const { reconnect } = this.options;
    if (!reconnect || this.#openedAtMs === undefined) return false;
    const enough = this.#fresh > 0 && this.#fresh >= reconnect.healthyAfterItems;
    return enough || this.nowMs - this.#openedAtMs >= reconnect.healthyAfterMs;
  }

  #isReopened(end: End, isLost: boolean): boolean {
    const { endless, resumable, unsafe, forever, reconnect, onGap } = this.options;
    const status = typeof end === "string" ? undefined : end.status;
    const mayBeSent = this.#sent || this.#openedAtMs !== undefined || status !== undefined;
    if (unsafe && mayBeSent && status !== 429 && status !== 503) return false;
    if (isLost) return onGap === "restart";
    if (end === "complete") return forever;
    const knowsWhere = endless || resumable || (reconnect !== false && reconnect.withoutCursor);
    if (end === "ended") return knowsWhere;
    if (!knowsWhere && this.items > 0) return false;
    if (end.code === "refused") return retriedStatuses.has(end.status ?? 0);
    return end.tls !== true;
  }

  #wait(cause: string, waitMs: number): void {
    this.state = "waiting";
    this.#waitDueMs = this.nowMs + waitMs;
    this.notices.push(`waiting ${cause} ${waitMs} ${this.#retries}`);
  }

  #close(code: OutcomeCode, failed?: string): void {
    this.#cursor = this.cursor;
    this.#items += this.#taken;
    this.#batch = [];
    this.#tellGap();
    this.#taken = this.#acknowledged = 0;
    this.state = "closed";
    this.outcome = code;
    this.#failed = failed;
    if (this.wire !== "none") this.wire = "over";
    this.#waitDueMs = undefined;
    this.#refusal = undefined;
    this.#due.clear();
    this.notices.push(`closed ${code}`);
  }

  /** A stream that failed says so once; then, and when it ended well, there is nothing more. */
  #settle(): void {
    const [failed, answered] = [this.#failed, this.#firstStatus];
    for (let pull = this.#pulls.indexOf(pending); pull >= 0; pull = this.#pulls.indexOf(pending)) {
      const told = this.#left || failed === undefined || this.#pulls.some((result) => result.startsWith("thrown "));
      this.#pulls[pull] = told ? "done" : `thrown ${failed}`;
    }
    if (this.outcome === "aborted" || failed !== undefined) this.#settleOpens(`thrown ${failed}`);
    else this.#settleOpens(answered === undefined ? "thrown AbortError" : `answered ${answered}`);
  }

  #settleOpens(result: string): void {
    for (let i = this.#opens.indexOf(pending); i >= 0; i = this.#opens.indexOf(pending)) this.#opens[i] = result;
  }
}

interface Chunk {
  readonly lines: readonly Line[];
  readonly bytes: number;
  readonly end?: End;
}

/** In the order in which they run out when it is at the same moment. */
const clocks = ["connectMs", "headersMs", "firstItemMs", "idleMs", "progressMs", "maxAgeMs", "totalMs"] as const;

const retriedStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

function itemsOf(lines: readonly Line[]): Extract<Line, { kind: "item" }>[] {
  return lines.filter((line) => line.kind === "item");
}
