import { fetchTransport } from "@longwire/core";
import { Client } from "./client.ts";
import { checkClientOptions, type ClientOptions, clientOptionNames } from "./client-options.ts";

/**
 * A client on fetch: for browsers, workers and every runtime but Node, where the same import gives one on undici.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createClient } from "longwire";
 *
 * const client = createClient({ baseUrl: "https://api.example.com" });
 * for await (const event of client.sse("/events")) console.log(event.data);
 * ```
 */
export function createClient(options: ClientOptions = {}): Client<[]> {
  checkClientOptions(options, clientOptionNames);
  const nothing = { stats: (): [] => [], close: () => Promise.resolve(), destroy: () => Promise.resolve() };
  return new Client(options, Object.assign(fetchTransport(), nothing));
}
