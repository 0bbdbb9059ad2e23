// What ARCHITECTURE says of a subscriber, apart from the publisher: what each delivery may be, by the places of items in the log alone.

import type { Delivery, Published } from "../src/index.ts";

/** What was published, in order. The first has place 1; 0 is before it. */
export interface Book {
  readonly size: number;
  item(place: number): Published;
  /** The place that an id stands for; `undefined`: none of this log. */
  placeOf(id: string): number | undefined;
  /** The place of the item with this data; no two have the same. */
  placeWith(data: unknown): number | undefined;
  /** The last place that the log has dropped by now. */
  readonly forgotten: number;
}

/** Whom items are handed to, over all of its connections. */
export class ReaderModel {
  readonly #book: Book;
  readonly #topics: ReadonlySet<string> | undefined;
  readonly #keyOf: ((item: Published) => unknown) | undefined;
  #state: ReaderState;
  /** The state at the beginning of this connection, and behind each of its deliveries. */
  #states: ReaderState[];

  /** `keyOf`: of `latestBy`. `resume`: a cursor from elsewhere. */
  constructor(
    book: Book,
    topics: ReadonlySet<string> | undefined,
    keyOf: ((item: Published) => unknown) | undefined,
    resume: string | undefined,
  ) {
    this.#book = book;
    this.#topics = topics;
    this.#keyOf = keyOf;
    this.#state = { start: undefined, resume, got: [], gaps: [], connectionFrom: 0 };
    this.#states = [this.#state];
  }

  /** The id to come back with. */
  get resume(): string | undefined {
    return this.#state.resume;
  }

  connect(): void {
    this.#state = { ...this.#state, connectionFrom: this.#state.got.length };
    this.#states = [this.#state];
  }

  /** The last so many deliveries of this connection were handed out, and never came. */
  lose(count: number): void {
    this.#states.length = Math.max(1, this.#states.length - count);
    this.#state = this.#states.at(-1) as ReaderState;
  }

  /** @throws when it is none that may come here */
  take(delivery: Delivery): void {
    if (delivery.kind === "goodbye") return;
    if (delivery.kind === "gap") this.#gap(JSON.parse(delivery.text).data);
    if (delivery.kind === "item") this.#item(JSON.parse(delivery.text).data, delivery);
    const { start = this.#place(delivery.id) } = this.#state;
    this.#state = { ...this.#state, start, resume: delivery.id };
    this.#states.push(this.#state);
    this.expectNoneLost(this.#place(delivery.id));
  }

  /** @throws when an item of its topics up to this place was neither handed out nor told to be missing */
  expectNoneLost(upTo: number = this.#book.size): void {
    const { start = upTo, got, gaps } = this.#state;
    let missing = 0;
    for (let place = start + 1; place <= upTo; place++) {
      if (!this.#isWanted(place) || got.includes(place)) continue;
      if (this.#keyOf && this.#isSuperseded(place)) continue;
      if (!gaps.some(({ first, last }) => place > first && place <= last)) this.#fail(`${place} was lost`);
      missing++;
    }
    const told = gaps.reduce((sum, { dropped }) => sum + dropped, 0);
    if (missing > told) this.#fail(`${missing} are missing, and ${told} were told`);
  }

  #gap({ from, to, dropped }: { from: string; to: string; dropped?: number }): void {
    const { resume, got, gaps } = this.#state;
    if (from !== resume) this.#fail(`a gap from ${from} was told behind ${resume}`);
    const [first, last] = [this.#book.placeOf(from) ?? -1, this.#place(to)];
    this.#state = { ...this.#state, gaps: [...gaps, { first, last, dropped: dropped ?? last - first }] };
    if (last <= first) this.#fail(`a gap from ${from} to ${to} has nothing in it`);
    if (got.includes(last)) this.#fail(`it was told to miss ${last}, which it has`);
    if (dropped === undefined && last > this.#book.forgotten)
      this.#fail(`of the gap up to ${to} the log has something`);
    if (dropped === undefined || this.#keyOf) return;
    let missing = 0;
    for (let place = first + 1; place <= last; place++) if (this.#isWanted(place) && !got.includes(place)) missing++;
    if (missing !== dropped || missing === 0) this.#fail(`${dropped} were told to be missing, and ${missing} are`);
  }

  #item(data: unknown, { id }: Delivery): void {
    const { start, got, connectionFrom } = this.#state;
    const place = this.#book.placeWith(data) ?? this.#fail(`${data} was never published`);
    const before = got.slice(this.#keyOf ? connectionFrom : 0);
    if (!this.#isWanted(place)) this.#fail(`${place} is of another topic`);
    if (start !== undefined && place <= start) this.#fail(`${place} came, from before its beginning`);
    if (before.includes(place)) this.#fail(`${place} came twice`);
    const rivals = this.#keyOf ? before.filter((other) => this.#keyAt(other) === this.#keyAt(place)) : before;
    if (rivals.some((other) => other > place)) this.#fail(`${place} came behind a later one`);
    if (!this.#keyOf && this.#place(id) !== place) this.#fail(`${place} came under ${id}`);
    this.#state = { ...this.#state, got: [...got, place] };
  }

  #isWanted(place: number): boolean {
    return this.#topics === undefined || this.#topics.has(this.#book.item(place).topic);
  }

  /** There is a later one of its key, which is to come in its stead. */
  #isSuperseded(place: number): boolean {
    for (let other = place + 1; other <= this.#book.size; other++) {
      if (this.#isWanted(other) && this.#keyAt(other) === this.#keyAt(place)) return true;
    }
    return false;
  }

  #keyAt(place: number): unknown {
    return this.#keyOf?.(this.#book.item(place));
  }

  #place(id: string | undefined): number {
    return this.#book.placeOf(id ?? "") ?? this.#fail(`${id} is no id of the log`);
  }

  #fail(what: string): never {
    const { resume, got, gaps } = this.#state;
    throw new Error(`${what}; it has ${JSON.stringify({ resume, got, gaps })}`);
  }
}

interface ReaderState {
  /** What came behind this place is its own to have. */
  readonly start: number | undefined;
  readonly resume: string | undefined;
  /** Places of the items that came, in that order. */
  readonly got: readonly number[];
  /** Told to be missing: so many of what is behind `first`, up to `last`. */
  readonly gaps: readonly { readonly first: number; readonly last: number; readonly dropped: number }[];
  /** How many of `got` came over the connections before. */
  readonly connectionFrom: number;
}
