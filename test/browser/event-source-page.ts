// What a page does with a publisher of another origin.

import { createClient } from "longwire";

/** Tells the test how many events are seen. */
const { saw } = globalThis as unknown as { saw(count: number): unknown };

/** Where the page is from. */
export function origin(): string {
  return location.origin;
}

/** What the browser's own EventSource has seen when it has so many events, or has given up. */
export function readByEventSource(url: string, count: number): Promise<unknown> {
  return new Promise((resolve) => {
    const seen: [id: string, data: string][] = [];
    const source = new EventSource(url);
    const end = (how: string): void => {
      source.close();
      resolve({ how, seen });
    };
    source.addEventListener("message", ({ lastEventId, data }) => {
      seen.push([lastEventId, data]);
      saw(seen.length);
      if (seen.length === count) end("all");
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) end("closed");
    });
  });
}

/** The same by our client, over fetch. */
export async function readByClient(url: string, count: number): Promise<unknown> {
  const client = createClient({ reconnect: { firstMs: 1, floorMs: 1, maxMs: 50, retries: 20 } });
  const seen: [id: string, data: string][] = [];
  try {
    for await (const { lastEventId, data } of client.sse(url)) {
      seen.push([lastEventId, data]);
      saw(seen.length);
      if (seen.length === count) break;
    }
    return { how: "all", seen };
  } catch {
    return { how: "closed", seen };
  } finally {
    await client.close();
  }
}
