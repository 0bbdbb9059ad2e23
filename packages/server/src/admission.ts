import { wholeFrom } from "./response-options.ts";

/** Whom one takes, and how many at one time. */
export interface AdmissionSettings {
  /** What is counted, as a refusal and an error name them. */
  readonly what: "subscribers" | "sockets";
  /** Default: no limit. */
  readonly most: number | undefined;
  /** Default: no limit. */
  readonly maxPerAddress: number | undefined;
  /** When one that is refused for now may ask again. */
  readonly retryMs: number;
}

/** Why one may not come in, as the answer to send. */
export interface Refusal {
  readonly status: 403 | 429 | 503;
  readonly headers: Readonly<Record<string, string>>;
  /** One sentence. */
  readonly text: string;
}

/** Counts who is in, all and by address, and says who may not come in. */
export class Admission {
  /** How many were refused. */
  refused = 0;
  readonly #settings: AdmissionSettings;
  readonly #most: number;
  readonly #maxPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #size = 0;
  #closed = false;

  /** @throws TypeError, RangeError on a limit that is none */
  constructor(settings: AdmissionSettings) {
    const { what, most, maxPerAddress } = settings;
    this.#settings = settings;
    this.#most = checkedMost(what === "sockets" ? "maxSockets" : "maxSubscribers", most);
    this.#maxPerAddress = checkedMost("maxPerAddress", maxPerAddress);
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#closed = true;
  }

  /** Why one may not come in now, which is counted; `undefined`: it may. */
  refusal(address: string | undefined, isOriginAllowed: boolean): Refusal | undefined {
    const refusal = this.#refusal(address, isOriginAllowed);
    if (refusal) this.refused++;
    return refusal;
  }

  /** One comes in, whoever it is; to be called once when it leaves. */
  enter(address: string | undefined): () => void {
    this.#size++;
    if (address !== undefined) this.#byAddress.set(address, this.#from(address) + 1);
    return () => {
      this.#size--;
      if (address === undefined) return;
      const left = this.#from(address) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    };
  }

  /** Why nobody comes in any more; `undefined`: some do. */
  closing(): Refusal | undefined {
    return this.#closed ? this.#forNow(503, "Closing; come back.\n") : undefined;
  }

  #refusal(address: string | undefined, isOriginAllowed: boolean): Refusal | undefined {
    const { what } = this.#settings;
    if (!isOriginAllowed) return { status: 403, headers: plain, text: "Pages of this origin may not come in here.\n" };
    if (this.#closed) return this.closing();
    if (this.#size >= this.#most) return this.#forNow(503, `Too many ${what}.\n`);
    if (address !== undefined && this.#from(address) >= this.#maxPerAddress) {
      return this.#forNow(429, `Too many ${what} from your address.\n`);
    }
    return undefined;
  }

  #forNow(status: 429 | 503, text: string): Refusal {
    const seconds = Math.max(1, Math.ceil(this.#settings.retryMs / 1_000));
    return { status, headers: { ...plain, "retry-after": String(seconds) }, text };
  }

  #from(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }
}

const plain = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

/** Origins whose pages may come in. @throws TypeError on what is no origin */
export function checkedOrigins(origins: readonly string[]): ReadonlySet<string> {
  return new Set(origins.map(checkedOrigin));
}

function checkedOrigin(origin: string): string {
  const made = URL.canParse(origin) ? new URL(origin).origin : undefined;
  if (made === origin) return origin;
  throw new TypeError(`origins must have origins like "https://app.example", without a path, got ${String(origin)}`);
}

function checkedMost(name: string, most: number | undefined): number {
  return most === undefined ? Number.POSITIVE_INFINITY : wholeFrom(1, name, most);
}
