/**
 * A whole number of a query, or its default.
 *
 * @throws RangeError that names it and prints what it is
 */
export function queryNumber(
  query: URLSearchParams,
  name: string,
  byDefault: number,
  most: number = mostDigits,
): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw new RangeError(`${name} must be a whole number from 0 to ${most}, not ${JSON.stringify(text)}`);
}

/** Behind so many digits not every number is one, and the next is not always another. */
const mostDigits = 999_999_999_999_999;
