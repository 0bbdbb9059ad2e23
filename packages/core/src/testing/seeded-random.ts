import type { Random } from "../time/random.ts";

/**
 * Dice that fall the same way for the same seed, in every runtime. Good for tests, not for secrets.
 *
 * @example
 * ```ts
 * import { seededRandom } from "@longwire/core/testing";
 *
 * const random = seededRandom(7);
 * const again = seededRandom(7);
 * console.log(random() === again()); // true
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    // A Weyl sequence through MurmurHash3's finalizer: one 32-bit number a step, period 2^32.
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}
