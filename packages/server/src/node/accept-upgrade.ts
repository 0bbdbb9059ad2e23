import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { takeOver } from "./take-over.ts";

/**
 * Switches the connection of a request to a protocol that it asked for: answers 101 with the token, and gives the connection, as
 * {@link takeOver} does. RFC 9110 section 7.8. It knows nothing of what the protocol itself asks for, such as the key of a WebSocket.
 *
 * @throws TypeError when the request did not ask for it, or is of HTTP/1.0, for a header that cannot be sent, and what `takeOver` throws; nothing
 * is sent then
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { acceptUpgrade } from "@longwire/server";
 *
 * createServer()
 *   .on("upgrade", (request, socket, head) => {
 *     try {
 *       const wire = acceptUpgrade("echo/1", request, socket, head);
 *       wire.pipe(wire);
 *     } catch {
 *       socket.destroy();
 *     }
 *   })
 *   .listen(8080);
 * ```
 */
export function acceptUpgrade(
  protocol: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Duplex {
  // RFC 9110 section 7.8.
  if (request.httpVersion === "1.0") throw new TypeError("Cannot switch a request of HTTP/1.0");
  const asked = (request.headers.upgrade ?? "").split(",").map((token) => token.trim());
  const token = asked.find((one) => one.toLowerCase() === protocol.toLowerCase());
  if (token === undefined || token === "") {
    throw new TypeError(`Cannot switch to ${JSON.stringify(protocol)}: the client asked for ${JSON.stringify(asked)}`);
  }
  const fields = Object.entries({ connection: "Upgrade", upgrade: token, ...headers });
  for (const [name, value] of fields) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  const wire = takeOver(request, socket, head);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  wire.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`, "latin1");
  return wire;
}
