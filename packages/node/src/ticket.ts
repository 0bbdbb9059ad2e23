import type { Queued } from "@longwire/core";
import type { Connection } from "./connection.ts";

/** A request that wants a connection. */
export interface Ticket {
  /** No connection of this number or a smaller one will do: one of them was dead, so that others may be. */
  readonly bornAfter: number;
  /** It waits. */
  queued(info: Queued): void;
  board(connection: Connection): void;
  /** No connection came about. */
  strand(error: unknown): void;
}

/** What gives a connection to a request. */
export interface Berths {
  take(ticket: Ticket): void;
  /** The request wants none any more; nothing when it has boarded. */
  leave(ticket: Ticket): void;
}

/** Whether a connection will do for a request. */
export function isFor({ bornAfter }: Ticket, { serial = 0 }: Connection): boolean {
  return serial > bornAfter;
}
