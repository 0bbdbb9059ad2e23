import {
  basic,
  checkOptions,
  checkResume,
  defaultTimeouts,
  headersOf,
  itemRules,
  type Message,
  originOf,
  resolveUrl,
  settingsOf,
  shownUrl,
  StreamRequest,
  systemClock,
  terminator,
} from "@longwire/core";
import { globalWebSocket } from "./global-websocket.ts";
import { Outbox } from "./outbox.ts";
import { checkedProtocols, WebSocketOpener, webSocketUrl } from "./websocket-opener.ts";
import type { WebSocketOptions } from "./websocket-options.ts";
import { WebSocketStream } from "./websocket-stream.ts";

/**
 * A WebSocket (RFC 6455) that is pulled, and comes back: with the clocks, the reconnects and the outcomes of every stream. `url` is `wss:` or `ws:`,
 * or as that of the page or the API, `https:` or `http:`.
 *
 * A close frame with 1000 is `complete`, and final unless `resume.forever`; 1001, 1005 and 1012 are `ended`, and it is opened again, as it is
 * after 1011, 1013, 1014, a connection that broke, silence, or a peer that answers no ping. Other codes are final; `retryOn: { 4001: true }`
 * says otherwise for those that are `refused`: 1008, and from 3000 up. In the loop it throws StreamError by code, with `closeCode` and
 * `closeReason`.
 *
 * @throws TypeError, RangeError on a bad option, before anything is sent
 *
 * @example
 * ```ts
 * import { openWebSocket } from "@longwire/websocket";
 *
 * await using prices = openWebSocket("wss://a.example/prices", {
 *   resume: { cursor: (message) => JSON.parse(String(message)).seq },
 *   hello: ({ cursor }) => JSON.stringify({ subscribe: "prices", after: cursor }),
 *   retryOn: { 4001: true },
 * });
 * for await (const message of prices) console.log(message);
 * ```
 */
export function openWebSocket(url: string, options: WebSocketOptions = {}): WebSocketStream {
  // What a function gives is checked when it is asked.
  checkOptions<Message>(typeof options.query === "function" ? { ...options, query: undefined } : (options as object));
  checkOwn(options);
  const { clock = systemClock, resume = {}, hello, opener: open = globalWebSocket({ clock }) } = options;
  checkResume({ name: "WebSocket", ...(hello && resume.cursor && { resume: (request) => request }) }, options);
  const target = resolveUrl(httpUrl(url), options.baseUrl === undefined ? undefined : httpUrl(options.baseUrl));
  const shown = webSocketUrl(shownUrl(target.url));
  const outbox = new Outbox({
    url: shown,
    policy: options.sendPolicy ?? "refuse",
    capacity: options.sendCapacity ?? 0,
    maxUnsentBytes: options.maxUnsentBytes ?? mostBytes,
  });
  const plan = {
    request: requestOf(target.url, options),
    protocols: protocolsOf(options.protocols),
    auth: options.auth ?? (target.basic && basic(target.basic.user, target.basic.password)),
    origin: originOf(webSocketUrl(target.url)),
    apply: resume.apply,
    hello,
    resumable: resume.apply !== undefined || (hello !== undefined && resume.cursor !== undefined),
    rules: itemRules<Message>(
      { cursorOf: resume.cursor, isHeartbeat: options.heartbeat, gapOf: resume.gap, isLost: resume.lost },
      {},
    ),
    maxMessageBytes: options.maxItemBytes ?? mostBytes,
  };
  const { pingMs = 30_000, pongMs = 10_000, closeMs = 5_000, maxUnreadBytes = mostBytes, ping } = options;
  const heard = { url: shown, clock, pingMs, pongMs, closeMs, maxUnreadBytes, ping, isHeartbeat: options.heartbeat };
  const opener = new WebSocketOpener(open, plan, heard, outbox);
  const settings = settingsOf(options, {
    opener,
    url: shown,
    origin: originOf(target.url),
    clock,
    timeouts: defaultTimeouts,
    idleFromAttempt: false,
    until: terminator(options.until, { name: "WebSocket", textOf }),
  });
  return new WebSocketStream({ ...settings, opener }, options, outbox);
}

/** The URL as the rest of Longwire has it: `https:` for `wss:`, `http:` for `ws:`. */
export function httpUrl(url: string): string {
  return typeof url === "string" ? url.trim().replace(/^ws(s?):/i, "http$1:") : url;
}

const mostBytes = 16 * 1_048_576;

function textOf(message: Message): string | undefined {
  return typeof message === "string" ? message : undefined;
}

function requestOf(url: string, { headers, query }: WebSocketOptions): () => Promise<StreamRequest> {
  return async () => {
    const request = new StreamRequest({ url, headers: headersOf(headers) });
    const set = typeof query === "function" ? await query() : query;
    return set ? request.withQuery(set) : request;
  };
}

function protocolsOf(option: WebSocketOptions["protocols"]): () => Promise<readonly string[]> {
  if (typeof option === "function") return async () => checkedProtocols(await option());
  const protocols = checkedProtocols(option ?? []);
  return async () => protocols;
}

/** What only a WebSocket has. @throws TypeError, RangeError */
function checkOwn(options: WebSocketOptions): void {
  for (const name of ["pingMs", "pongMs", "closeMs", "maxItemBytes", "maxUnreadBytes", "maxUnsentBytes"] as const) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${typeof value}`);
    const least = name.endsWith("Ms") ? 0 : 1;
    if (!(value >= least && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${name} must be a number from ${least} up, and finite, not ${value}`);
    }
  }
  for (const name of ["hello", "ping", "opener"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function") {
      throw new TypeError(`${name} must be a function, not ${typeof options[name]}`);
    }
  }
  const { sendPolicy = "refuse", sendCapacity } = options;
  if (!["refuse", "wait", "dropOldest"].includes(sendPolicy)) {
    throw new TypeError(`sendPolicy must be "refuse", "wait" or "dropOldest", not ${JSON.stringify(sendPolicy)}`);
  }
  if (sendPolicy === "refuse") {
    if (sendCapacity === undefined) return;
    throw new TypeError('sendCapacity needs a sendPolicy that keeps messages, "wait" or "dropOldest"');
  }
  if (!(Number.isSafeInteger(sendCapacity) && (sendCapacity as number) >= 1)) {
    throw new RangeError(`sendCapacity must be a whole number from 1 up, not ${String(sendCapacity)}`);
  }
}
