// Hono on @hono/node-server; with the argument `http2` over HTTP/2.

import { createSecureServer } from "node:http2";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { App } from "../app.ts";
import { certificate } from "../certificate.ts";
import { sayPort } from "../say-port.ts";

const { fetch } = new App();
const hono = new Hono();
hono.get("*", (context) => fetch(context.req.raw));
const place = { fetch: hono.fetch, port: 0, hostname: "127.0.0.1" };
serve(
  process.argv.includes("http2") ? { ...place, createServer: createSecureServer, serverOptions: certificate() } : place,
  sayPort,
);
