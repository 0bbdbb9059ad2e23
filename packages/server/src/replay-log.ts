/** One published item, as a log keeps it: plain text fields, fit to be stored elsewhere. */
export interface Published {
  readonly topic: string;
  /** The event's name for SSE, `type` in a row of NDJSON. */
  readonly type?: string | undefined;
  /** The text, or the JSON text. */
  readonly data: string;
  /** What `data` is. */
  readonly format: "json" | "text";
}

/** An item under the id that the log gave it. */
export interface LogEntry {
  readonly id: string;
  readonly item: Published;
}

/** What a log has behind a cursor. */
export interface Replay {
  /** All entries behind the cursor, or behind the gap, in order. */
  readonly entries: readonly LogEntry[];
  /** The id from which a later `since` goes on behind `entries`; of an empty log too. */
  readonly cursor: string;
  /** Entries are missing between the cursor and these; `to` is an id behind which none is. */
  readonly gap?: { readonly from: string; readonly to: string } | undefined;
}

/**
 * What was published, in order, for those who come back. Asynchronous, so that it can stand elsewhere: {@link memoryReplayLog} is the one
 * in memory. The publisher never has two calls of one log at the same time.
 */
export interface ReplayLog {
  /** Keeps an item; resolves with its id. Ids have no control characters, and none is given twice, also not after a restart. */
  append(item: Published): Promise<string>;
  /** What came behind `cursor`; without one nothing, and where the log ends. A cursor that it does not know is a gap. */
  since(cursor: string | undefined): Promise<Replay>;
}
