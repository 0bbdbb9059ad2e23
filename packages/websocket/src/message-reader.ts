import type { Attempt, Batch, Message, Puller, Source } from "@longwire/core";

/**
 * What has come over one connection, for one loop after the other. One batch is in hand before anybody asks; what comes behind it waits in the
 * attempt, which stops reading by itself.
 */
export class MessageReader implements Source {
  /** The batch in hand, and how many of it were taken. */
  hand: readonly Message[] = [];
  taken = 0;
  /** Messages, and bytes of frames, that have come so far. */
  items = 0;
  bytes = 0;
  readonly #attempt: Attempt<Message>;
  readonly #deliver: (batch: Batch<Message>) => void;
  #puller: Puller | undefined;
  /** The attempt was asked, and has not answered. */
  #asking = false;
  #end: { readonly error?: unknown } | undefined;

  /** `errorOf` says what of an end is to be thrown. */
  constructor(attempt: Attempt<Message>, errorOf: (end: Batch<Message>) => unknown) {
    this.#attempt = attempt;
    this.#deliver = (batch) => {
      this.#asking = false;
      if (this.#end) return;
      const isOver = batch.end !== undefined || batch.error !== undefined;
      if (isOver) this.#end = { error: errorOf(batch) };
      this.#came(batch);
    };
    this.#ask();
  }

  /** It fails with a TypeError while another loop waits. */
  pull(puller: Puller): void {
    if (this.#puller) return puller.failed(new TypeError("Another loop reads this WebSocket"));
    if (this.#end) return told(puller, this.#end.error);
    this.#puller = puller;
    if (!this.#asking) this.#ask();
  }

  /** A loop that is left leaves the connection as it is. */
  close(puller: Puller): void {
    if (this.#puller !== puller) return;
    this.#puller = undefined;
    puller.ended();
  }

  /** Nothing more is handed out than what is in hand. */
  end(): void {
    if (this.#end) return;
    this.#end = {};
    this.#tell();
  }

  #ask(): void {
    this.#asking = true;
    this.#attempt.pull(this.#deliver);
  }

  #came({ items, bytes }: Batch<Message>): void {
    this.bytes += bytes;
    this.items += items.length;
    if (items.length === 0) {
      if (this.#end) this.#tell();
      else this.#ask();
      return;
    }
    this.hand = items;
    this.taken = 0;
    const puller = this.#puller;
    this.#puller = undefined;
    puller?.arrived();
  }

  #tell(): void {
    const puller = this.#puller;
    this.#puller = undefined;
    if (puller) told(puller, this.#end?.error);
  }
}

/** One message. */
export function takeMessage(reader: MessageReader): IteratorYieldResult<Message> | undefined {
  if (reader.taken === reader.hand.length) return undefined;
  return { value: reader.hand[reader.taken++] as Message, done: false };
}

/** What is left of the batch in hand. */
export function takeMessages(reader: MessageReader): IteratorYieldResult<readonly Message[]> | undefined {
  if (reader.taken === reader.hand.length) return undefined;
  const value = reader.taken === 0 ? reader.hand : reader.hand.slice(reader.taken);
  reader.taken = reader.hand.length;
  return { value, done: false };
}

function told(puller: Puller, error: unknown): void {
  if (error === undefined) puller.ended();
  else puller.failed(error);
}
