import type { Clock } from "./clock.ts";

/**
 * Milliseconds that a `Retry-After` asks to wait: seconds, or a date in any of HTTP's three forms (RFC 9110 sections 10.2.3 and
 * 5.6.7). A date in the past is 0; what is neither, or beyond 2^53 ms, is `undefined`.
 */
export function retryAfterMs(value: string | null, clock: Clock): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number.isSafeInteger(Number(text) * 1_000) ? Number(text) * 1_000 : undefined;
  if (!httpDate.test(text)) return undefined;
  // The form of C's asctime() has no zone and means GMT; Date.parse would take it for local time.
  const date = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.date());
}

// Date.parse takes much for a date that is none ("soon 5" is May 2001), so the shape is checked first.
const httpDate = /^[a-z]{3,9},? [a-z0-9 -]+ \d\d:\d\d:\d\d (GMT|\d{4})$/i;
