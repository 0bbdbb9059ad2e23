import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import type { Transform } from "node:stream";
import { StreamError, shownUrl } from "@longwire/core";

/** What is sent as `accept-encoding` when the request does not say. */
export const acceptedEncodings = "gzip, deflate, br";

/** Whether a body in this `content-encoding` is decoded here. */
export function isInflatable(encoding: string): encoding is Encoding {
  return Object.hasOwn(inflaters, encoding);
}

/** What a body may grow by in decoding when nobody says: more than text does, less than a bomb (gzip's at most 1,032-fold). */
export const defaultMaxInflateRatio = 200;

/**
 * A body, decoded. Whatever the sender flushed comes out at once; encoded bytes are pulled only when all decoded ones are taken.
 * An empty body is an empty body. Once it is over 1 MiB, it ends as `limit` where it is more than `maxRatio` times (0: any number) what
 * came of it encoded.
 */
export class InflatedBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #encoding: Encoding;
  readonly #url: string;
  readonly #maxRatio: number;
  #encodedBytes = 0;
  #decodedBytes = 0;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #inflater: Transform | undefined;
  #pulling = false;
  #writing = false;
  #whole = false;
  #released = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, encoding: Encoding, url: string, maxRatio: number) {
    this.#source = source;
    this.#encoding = encoding;
    this.#url = url;
    this.#maxRatio = maxRatio;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    this.#chunks = this.#source[Symbol.asyncIterator]();
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#pulling) throw new TypeError("Cannot pull from this body: the pull before has not settled");
    this.#pulling = true;
    try {
      return await this.#pull();
    } catch (error) {
      await this.return();
      throw error;
    } finally {
      this.#pulling = false;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.release();
    await this.#chunks?.return?.();
    return { done: true, value: undefined };
  }

  /** Frees the decoder. The source is released by its owner, and then says how a read that waits settles. */
  release(): void {
    this.#released = true;
    this.#inflater?.destroy();
    this.#settled();
  }

  async #pull(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const piece = this.#released ? null : (this.#inflater?.read() as Uint8Array | null | undefined);
      if (piece) return { done: false, value: this.#checked(piece) };
      if (this.#error !== undefined) throw this.#takeError(this.#error);
      if (this.#writing) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (!(await this.#feed())) {
        this.release();
        return { done: true, value: undefined };
      }
    }
  }

  /** Takes the next encoded chunk, or the end; answers whether there may be more to come. What follows a whole body is skipped. */
  async #feed(): Promise<boolean> {
    const { done, value } = await (this.#chunks as AsyncIterator<Uint8Array>).next();
    if (done) {
      if (this.#inflater === undefined || this.#whole || this.#released) return false;
      this.#writing = true;
      this.#inflater.end();
    } else if (!this.#whole && !this.#released) {
      this.#encodedBytes += value.length;
      this.#inflater ??= this.#open(value);
      this.#writing = true;
      this.#inflater.write(value, this.#settled);
    }
    return true;
  }

  /** A bomb is small on the wire, and has no end when it is decoded. */
  #checked(piece: Uint8Array): Uint8Array {
    this.#decodedBytes += piece.length;
    const [encoded, decoded, most] = [this.#encodedBytes, this.#decodedBytes, this.#maxRatio];
    if (most === 0 || decoded <= graceBytes || decoded <= most * encoded) return piece;
    const grown = `${encoded} bytes of ${this.#encoding} are ${decoded} decoded so far`;
    const remedy = `over ${most} to 1 (maxInflateRatio); raise it if the server is to be trusted`;
    const message = `Cannot go on reading ${shownUrl(this.#url)}: ${grown}, ${remedy}`;
    throw new StreamError("limit", message, { limit: "maxInflateRatio" });
  }

  #open(chunk: Uint8Array): Transform {
    const inflater = inflaters[this.#encoding](chunk);
    inflater.on("readable", () => this.#wakeUp());
    inflater.on("end", () => {
      this.#whole = true;
      this.#settled();
    });
    inflater.on("error", (error) => {
      this.#error = error;
      this.#settled();
    });
    return inflater;
  }

  readonly #settled = (): void => {
    this.#writing = false;
    this.#wakeUp();
  };

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #takeError(error: Error): StreamError {
    this.#error = undefined;
    const short = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
    const why = short ? `the ${this.#encoding} body ended short` : `the body is not ${this.#encoding}`;
    return new StreamError(
      short ? "truncated" : "protocol",
      `Cannot read ${shownUrl(this.#url)}: ${why} (${error.message})`,
      {
        cause: error,
      },
    );
  }
}

type Encoding = "gzip" | "x-gzip" | "deflate" | "br";

// A short body of one letter is no bomb, whatever its ratio.
const graceBytes = 1024 * 1024;

const flush = { flush: constants.Z_SYNC_FLUSH };

const inflaters: Readonly<Record<Encoding, (first: Uint8Array) => Transform>> = {
  gzip: () => createGunzip(flush),
  "x-gzip": () => createGunzip(flush),
  // Many servers send bare deflate under this name; a zlib header has 8 in its low half byte (RFC 1950 section 2.2).
  deflate: (first) => (((first[0] as number) & 0x0f) === 8 ? createInflate(flush) : createInflateRaw(flush)),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
};
