import type { StreamRequest } from "../request/stream-request.ts";
import type { Transport } from "../transport/transport.ts";
import type { Dialect } from "./dialect.ts";
import { applied, type ApplyCursor } from "./apply-cursor.ts";
import { HttpAttempt } from "./http-attempt.ts";
import type { ItemRules } from "./item-rules.ts";
import type { Attempt, AttemptEnd, Opener, OpenerCall } from "./opener.ts";

/** An opener over HTTP. A request that is a function is made anew for every attempt. */
export class HttpOpener<T> implements Opener<T> {
  readonly rules: ItemRules<T>;
  readonly #dialect: Dialect<T>;
  readonly #transport: Transport;
  readonly #request: StreamRequest | (() => StreamRequest);
  readonly #ownApply: ApplyCursor | undefined;
  #sent: StreamRequest | undefined;

  /** `apply` goes before what the dialect does. */
  constructor(
    dialect: Dialect<T>,
    transport: Transport,
    request: StreamRequest | (() => StreamRequest),
    apply?: ApplyCursor,
    rules: ItemRules<T> = dialect,
  ) {
    this.#dialect = dialect;
    this.#transport = transport;
    this.#request = request;
    this.#ownApply = apply;
    this.rules = rules;
  }

  get endless(): boolean {
    return this.#dialect.endless === true;
  }

  get resumable(): boolean {
    return this.#apply !== undefined;
  }

  async open({ signal, cursor, on }: OpenerCall): Promise<Attempt<T>> {
    const first = typeof this.#request === "function" ? this.#request() : this.#request;
    const apply = this.#apply;
    this.#sent = cursor === undefined || !apply ? first : applied(apply, first, cursor);
    const response = await this.#transport(this.#sent, { signal, on, lane: this.#dialect.lane });
    try {
      const decoder = this.#dialect.decoder(response, cursor, this.#ownApply ? undefined : this.#sent);
      return new HttpAttempt(response, decoder, this.#dialect.idleMsOfHead?.(response));
    } catch (error) {
      response.release(error);
      throw error;
    }
  }

  onWake(listener: () => void): () => void {
    return this.#transport.onWake?.(listener) ?? deaf;
  }

  /** A request that was not processed (429, 503), or that its caller knows how to resume, may be sent again whatever its method. */
  mayRepeat(end: AttemptEnd): boolean {
    const request = this.#sent;
    if (!request || request.replayable) return true;
    const notProcessed = typeof end !== "string" && (end.status === 429 || end.status === 503);
    return request.remakeable && (notProcessed || this.#ownApply !== undefined);
  }

  get #apply(): ApplyCursor | undefined {
    return this.#ownApply ?? this.#dialect.resume;
  }
}

/** Hears nothing, so there is nothing to unsubscribe. */
function deaf(): void {}
