/** Calls what is there for a log. What it throws is lost, by its promise too: a log that fails ends no response, and no process. */
export function told<Args extends readonly unknown[]>(
  callback: ((...args: Args) => unknown) | undefined,
): (...args: Args) => void {
  return (...args) => void (async () => callback?.(...args))().catch(() => {});
}
