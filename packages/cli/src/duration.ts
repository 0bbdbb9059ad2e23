const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of `500ms`, `30s`, `1.5m`, `1h30m` or `2d`; `0` needs no unit.
 *
 * @throws RangeError that prints what is no duration
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const parts = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text) ? text.matchAll(/([\d.]+)(ms|[smhd])/g) : [];
  let sum: number | undefined;
  for (const [, count, unit] of parts) sum = (sum ?? 0) + Number(count) * (unitMs[unit as string] as number);
  if (sum !== undefined && sum < Number.POSITIVE_INFINITY) return sum;
  throw new RangeError(
    `${JSON.stringify(text)} is no duration: write a number and a unit, such as 500ms, 30s, 1m or 1h30m`,
  );
}

/** A duration to read: `512 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function shownDuration(ms: number): string {
  const milliseconds = Math.round(ms);
  if (milliseconds < 1_000) return `${milliseconds} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${tenths / 10} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
