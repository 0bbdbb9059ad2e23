import { createServer } from "node:http";
import { relay } from "@longwire/server";
import { describe } from "vitest";
import { listening } from "../faults/listening.ts";
import { freePort } from "./free-port.ts";
import { launchNginx } from "./nginx.ts";
import { describeWithPeer } from "./peers.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** What stands between a client and a server of ours. */
export interface Way {
  readonly title: string;
  /** Whether a reset crosses as a reset; else it crosses as an end without a close. */
  readonly passesResets: boolean;
  /** Puts it before a port. */
  to(port: number): Promise<Front>;
}

/** Where a client asks. It has the `Host` that it asked for passed on. */
export interface Front extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
}

/** A suite for each way. Those through nginx need it, and are skipped without it. */
export function describeEachWay(suite: (way: Way) => void): void {
  for (const way of ways) {
    if (way.title.includes("nginx")) describeWithPeer("nginx", way.title, () => suite(way));
    else describe(way.title, () => suite(way));
  }
}

export function throughNginx(port: number, buffering: "on" | "off"): Promise<Front> {
  // Its own page on it has it so: https://nginx.org/en/docs/http/websocket.html. But `Host` with its port.
  const settings = [
    "proxy_http_version 1.1",
    "proxy_set_header Upgrade $http_upgrade",
    "proxy_set_header Connection $connection_upgrade",
    "proxy_set_header Host $http_host",
    `proxy_buffering ${buffering}`,
  ];
  return nginxBefore(port, settings);
}

/** nginx as it is by default: it buffers, and speaks HTTP/1.0. */
export function throughPlainNginx(port: number): Promise<Front> {
  return nginxBefore(port, []);
}

async function nginxBefore(port: number, settings: readonly string[]): Promise<Front> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratchFolder("nginx"));
  const own = await freePort();
  const location = [`proxy_pass http://127.0.0.1:${port}`, ...settings].map((setting) => `${setting};`).join(" ");
  const http = `
    map $http_upgrade $connection_upgrade { default upgrade; "" close; }
    server { listen 127.0.0.1:${own}; location / { ${location} } }
  `;
  stack.use(await launchNginx(path, http));
  const owned = stack.move();
  return { url: `http://127.0.0.1:${own}`, port: own, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function throughRelay(port: number): Promise<Front> {
  const passing = relay(`http://127.0.0.1:${port}`, {
    rewrite: (request, { headers }) => request.withHeader("host", headers.host),
  });
  const http = createServer((request, response) => {
    // A browser would keep the connection beyond the test.
    response.shouldKeepAlive = false;
    passing(request, response);
  });
  const server = await listening(http.on("upgrade", passing.upgrade));
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await passing.destroy();
    },
  };
}

async function throughBoth(port: number): Promise<Front> {
  await using stack = new AsyncDisposableStack();
  const second = stack.use(await throughRelay(port));
  const { url, port: own } = stack.use(await throughNginx(second.port, "on"));
  const owned = stack.move();
  return { url, port: own, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const ways: readonly Way[] = [
  {
    title: "directly",
    passesResets: true,
    to: async (port) => ({ url: `http://127.0.0.1:${port}`, port, async [Symbol.asyncDispose]() {} }),
  },
  { title: "through nginx with buffering on", passesResets: false, to: (port) => throughNginx(port, "on") },
  { title: "through nginx with buffering off", passesResets: false, to: (port) => throughNginx(port, "off") },
  { title: "through our relay", passesResets: true, to: throughRelay },
  { title: "through nginx and our relay", passesResets: false, to: throughBoth },
];
