import { checkClientOptions } from "./client-options.ts";
import { checkOneTransport, type ClientOptions, nodeOptionNames } from "./client-options.node.ts";
import { NodeClient } from "./node-client.ts";

/**
 * A client on undici, with keep-alive connections of its own: close it. It takes what `nodeTransport` takes too: `tls`, `proxy`, `socketPath`,
 * `lookup` and how long sockets are kept. What happens to its streams is published on the channels of `diagnostics()`.
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
 *
 * await using docker = createClient({ baseUrl: "unix:/run/docker.sock" });
 * for await (const event of docker.ndjson("/events")) console.log(event);
 * ```
 */
export function createClient(options: ClientOptions = {}): NodeClient {
  checkClientOptions(options, nodeOptionNames);
  checkOneTransport(options);
  return new NodeClient(options);
}
