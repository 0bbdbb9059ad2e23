// node:http, or with the argument `http2` node:http2 with its compatibility API.

import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { NodeRequest, NodeResponse } from "@longwire/server";
import { nodeApp } from "../node-app.ts";
import { certificate } from "../certificate.ts";
import { sayPort } from "../say-port.ts";

const { control, ...handlers } = nodeApp();
const listener = async (request: NodeRequest, response: NodeResponse): Promise<void> => {
  const name = request.url?.split(/[/?]/)[1] as "control" | keyof typeof handlers;
  if (name !== "control") return handlers[name](request, response);
  response.end(JSON.stringify(await control(request.url)));
};
const server = process.argv.includes("http2") ? createSecureServer(certificate(), listener) : createServer(listener);
server.listen(0, "127.0.0.1", () => sayPort(server.address()));
