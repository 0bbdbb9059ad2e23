/** Chance, as an argument: a number from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** The real dice. */
export const systemRandom: Random = () => Math.random();
