/** Tells a source that it is not wanted any more; does not wait for it, and its complaint is nobody's. */
export async function letGo(source: AsyncIterator<unknown>): Promise<void> {
  try {
    await source.return?.();
  } catch {
    // See above.
  }
}
