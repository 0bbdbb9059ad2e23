/** Of bytes and of milliseconds: above that `ws` has no limit any more, and a timer of Node fires at once. */
export const mostOfWs: number = 2 ** 31 - 1;
