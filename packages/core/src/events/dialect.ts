import type { Cursor } from "../errors.ts";
import type { Decoder } from "../frames/decoder.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import type { Lane, StreamResponse } from "../transport/transport.ts";
import type { ItemRules } from "./item-rules.ts";
import type { Head } from "./opener.ts";

/**
 * Contract 4: what a protocol knows. A new framing is a decoder and one of these.
 *
 * `decoder` sees each answer first: a dialect may choose by it. `endless` and `resume` are asked when an attempt has ended, and
 * may be getters that tell what was chosen.
 */
export interface Dialect<T> extends ItemRules<T> {
  /** As errors name it: "SSE", "NDJSON". */
  readonly name: string;
  /**
   * Names of the options that its opener takes beside those of every stream; any other is a TypeError then. Default: none is looked at.
   */
  readonly options?: Readonly<Record<string, true>> | undefined;
  /** The `Accept` header. */
  readonly accept: string;
  /** The `Accept-Encoding` header; default: what the transport decodes. */
  readonly acceptEncoding?: "identity" | undefined;
  /** Whether it reads this media type (lower case, no parameters; `""` when the answer names none). */
  accepts(mediaType: string): boolean;
  /** Whether it reads an answer of this status. Default: 2xx. */
  acceptsStatus?(status: number): boolean;
  /**
   * A decoder for one answer; `cursor` is where the stream goes on. `request` is what was sent, where resuming is the dialect's and
   * not the caller's. What it throws ends the attempt.
   */
  decoder(response: StreamResponse, cursor: Cursor | undefined, request?: StreamRequest): Decoder<T>;
  /** What its connections are for. Default `"stream"`. */
  readonly lane?: Lane | undefined;
  /** `true` where a clean end of the body is no end of the stream, as in SSE. Default `false`. */
  readonly endless?: boolean | undefined;
  /** Default of `timeouts.idleMs`. 300_000 unless it says so. */
  readonly idleMs?: number | undefined;
  /** The idle window that an answer sets by its head, in ms; `0`: none. A window that the caller gave stays. */
  idleMsOfHead?(head: Head): number | undefined;
  /** The request that goes on after `cursor`. */
  readonly resume?: ((request: StreamRequest, cursor: Cursor) => StreamRequest) | undefined;
  /** What `until: "text"` is compared with; `undefined`: no text. */
  textOf?(item: T): string | undefined;
  /** The text of `until` that the decoder itself looks for, where it is no item: it then makes a mark `marker`. */
  readonly marker?: string | undefined;
  /** What `until: { event }` is compared with. */
  typeOf?(item: T): string;
}
