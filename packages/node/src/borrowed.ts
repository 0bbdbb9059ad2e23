import type { Dispatcher } from "undici";
import type { Carried, Connection, Outgoing } from "./connection.ts";
import type { Berths, Ticket } from "./ticket.ts";

/** A dispatcher of somebody else's, in place of lanes: it is never closed here, and what waits in it is not seen. */
export function borrowed(dispatcher: Dispatcher): Berths {
  return {
    take: (ticket: Ticket) => ticket.board(new Lent(dispatcher)),
    // What it has not sent yet is aborted when it is.
    leave: () => {},
  };
}

/** What is known of a connection there: nothing. */
class Lent implements Connection {
  readonly serial = undefined;
  readonly protocol = undefined;
  readonly socket = undefined;
  readonly settling = false;
  readonly draining = false;
  readonly carried = 0;
  readonly room = 1;
  requests = 0;
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  send(outgoing: Outgoing, exchange: Carried): void {
    // The clocks of a stream are the session's.
    const options = { ...outgoing, headersTimeout: 0, bodyTimeout: 0 };
    try {
      this.#dispatcher.dispatch(options as Dispatcher.DispatchOptions, exchange);
    } catch (error) {
      exchange.onResponseError(null, error as Error);
    }
  }

  left(): void {}
  retire(): void {}
  breakOff(): void {}
}
