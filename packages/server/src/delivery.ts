import { encodeSse } from "@longwire/sse";
import type { Published } from "./replay-log.ts";

/** What a subscriber is handed, ready to send in each format. Made once for all of them, and encoded when first asked for. */
export interface Delivery {
  /** `item`; `gap`: items are missing; `bookmark`: where the log ends, for SSE only; `goodbye`: nothing more comes, and when to come back. */
  readonly kind: "item" | "gap" | "bookmark" | "goodbye";
  /** Where a client that has this goes on from. */
  readonly id: string | undefined;
  /** A block of an event stream. */
  readonly sse: Uint8Array;
  /** A row with its LF: `{"id":…,"type":…,"data":…}`; empty for a bookmark. */
  readonly ndjson: Uint8Array;
  /** The same row without the LF, for a message of a WebSocket. */
  readonly text: string;
}

/** A published item under an id. */
export class ItemDelivery implements Delivery {
  readonly kind = "item";
  readonly id: string;
  readonly item: Published;
  /** Greater with each item that its publisher published; 0 of one that comes from the log. */
  readonly number: number;
  #sse: Uint8Array | undefined;
  #ndjson: Uint8Array | undefined;
  #text: string | undefined;

  constructor(id: string, item: Published, number = 0) {
    this.id = id;
    this.item = item;
    this.number = number;
  }

  get sse(): Uint8Array {
    this.#sse ??= utf8.encode(encodeSse({ id: this.id, type: this.item.type, data: this.item.data }));
    return this.#sse;
  }

  get ndjson(): Uint8Array {
    this.#ndjson ??= utf8.encode(`${this.text}\n`);
    return this.#ndjson;
  }

  get text(): string {
    const { type, data, format } = this.item;
    this.#text ??= row({ id: this.id, type }, format === "json" ? data : JSON.stringify(data));
    return this.#text;
  }

  /** The same item under an earlier id, for who has not got all before it. */
  under(id: string): ItemDelivery {
    return id === this.id ? this : new ItemDelivery(id, this.item);
  }
}

/** Items between two ids are missing. A client that has it goes on from `id`: behind the gap, or where what follows may still be of it. */
export function gapDelivery(
  gap: { readonly from: string | undefined; readonly to: string; readonly dropped?: number },
  id: string = gap.to,
): Delivery {
  const data = JSON.stringify(gap);
  return told("gap", id, encodeSse({ id, type: "gap", data }), row({ id, type: "gap" }, data));
}

/** Where the log ends, as an id of SSE without an event: a client that is cut before its first event has a resume point too. */
export function bookmarkDelivery(id: string): Delivery {
  return { kind: "bookmark", id, sse: utf8.encode(encodeSse({ comment: "", id })), ndjson: nothing, text: "" };
}

/** Nothing more comes here; a client that waits `retryMs` and comes back gets the rest. */
export function goodbyeDelivery(retryMs: number): Delivery {
  const sse = encodeSse({ comment: "goodbye", retry: retryMs });
  return told("goodbye", undefined, sse, row({ type: "goodbye" }, JSON.stringify({ retryMs })));
}

/** The names that a publisher tells things of its own by; no item may have them. */
export const ownTypes: ReadonlySet<string> = new Set(["gap", "goodbye"]);

const utf8 = new TextEncoder();
const nothing = new Uint8Array();

function told(kind: "gap" | "goodbye", id: string | undefined, sse: string, text: string): Delivery {
  return { kind, id, sse: utf8.encode(sse), ndjson: utf8.encode(`${text}\n`), text };
}

function row(head: { readonly id?: string; readonly type?: string | undefined }, json: string): string {
  const fields = JSON.stringify(head).slice(0, -1);
  return `${fields}${fields === "{" ? "" : ","}"data":${json}}`;
}
