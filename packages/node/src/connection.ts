import type { Socket } from "node:net";
import type { Dispatcher } from "undici";
import type { SourceBody } from "./request-body.ts";

/** A request as it goes out. */
export interface Outgoing {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | SourceBody | undefined;
}

/** What a connection tells of an answer, as undici does: on HTTP/2 too. */
export interface Carried extends Dispatcher.DispatchHandler {
  onRequestStart(controller: Controller): void;
  onResponseStart(controller: Controller, status: number, headers: Record<string, string | string[] | undefined>): void;
  onResponseData(controller: Controller, chunk: Uint8Array): void;
  onResponseEnd(): void;
  onResponseError(controller: Controller | null, error: Error): void;
}

/** What can be done to an answer while it comes. */
export interface Controller {
  rawHeaders?: unknown;
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** One connection from its handshake to its end; it never connects again. */
export interface Connection {
  /** Later ones have greater numbers. `undefined`: it is not ours, and tells nothing of itself. */
  readonly serial: number | undefined;
  readonly protocol: "h1" | "h2" | undefined;
  readonly socket: Socket | undefined;
  /** Requests written to it. */
  requests: number;
  /** Requests that it carries now. */
  readonly carried: number;
  /** How many more it takes now. */
  readonly room: number;
  /** It cannot say yet how much room it will have. */
  readonly settling: boolean;
  /** Its server wants it to end: it takes no more, and closes when what it carries is over, however long that lasts. */
  readonly draining: boolean;
  /** Only where there is room. */
  send(outgoing: Outgoing, exchange: Carried): void;
  /** To be called when an exchange wants no more of it, well or not. */
  left(): void;
  /** Takes no more, and closes when it carries nothing. */
  retire(): void;
  /** What it carries ends with the error. */
  breakOff(error: Error): void;
}

/** Who has the connections of one kind. */
export interface ConnectionOwner {
  hasRoom(connection: Connection): void;
  /** Its socket is closed. */
  gone(connection: Connection): void;
}
