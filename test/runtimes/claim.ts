import type { Transport } from "@longwire/core";

/** What every claim is shown with. */
export interface World {
  /** PEM of an authority that global fetch trusts too, and a pair that it issued for `localhost`. */
  readonly ca: string;
  readonly pair: { readonly key: string; readonly cert: string };
  /** Runs when the claim is over, the last one first. */
  after(work: () => unknown): void;
}

/** A sentence about a runtime; it holds when this resolves. */
export type Claim = (world: World) => Promise<void>;

/** A claim that holds over a transport. */
export type TransportClaim = (world: World, transport: Transport, name: "nodeTransport" | "fetch") => Promise<void>;

/** How a claim went, as a line of JSON on stdout. */
export interface Verdict {
  readonly claim: string;
  /** What it threw, if it does not hold. */
  readonly failure?: string;
}
