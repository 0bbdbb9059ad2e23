import type { ClientOptions } from "./client-options.ts";
import { NodeClient } from "./node-client.ts";

/**
 * A client on undici, with keep-alive connections of its own: close it. What happens to its streams is published on the channels of
 * {@link diagnostics}.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createClient } from "longwire";
 *
 * const client = createClient({ baseUrl: "https://api.example.com" });
 * for await (const event of client.sse("/events")) console.log(event.data);
 * await client.close();
 * ```
 */
export function createClient(options: ClientOptions = {}): NodeClient {
  return new NodeClient(options);
}
