/**
 * A whole number of a query, or its default.
 *
 * @throws RangeError that names it and prints what it is
 */
export function queryNumber(query: URLSearchParams, name: string, byDefault: number, least = 0): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`${name} must be a whole number from ${least} up, not ${JSON.stringify(text)}`);
}
