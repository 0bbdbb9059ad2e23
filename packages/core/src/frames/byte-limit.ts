/**
 * A limit in bytes as a caller gave it, checked; 16 MiB when they gave none.
 *
 * @throws TypeError when it is no number
 * @throws RangeError when it is no whole number from 1 to 268_435_456 (256 MiB: what one string holds in every runtime)
 */
export function byteLimit(name: string, bytes: number | undefined): number {
  if (bytes === undefined) return defaultBytes;
  if (typeof bytes !== "number") {
    throw new TypeError(`${name} must be a number of bytes, got ${typeof bytes} ${String(bytes)}`);
  }
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > greatestBytes) {
    throw new RangeError(`${name} must be a whole number of bytes from 1 to ${greatestBytes}, got ${bytes}`);
  }
  return bytes;
}

const defaultBytes = 16 * 1024 * 1024;
const greatestBytes = 256 * 1024 * 1024;
