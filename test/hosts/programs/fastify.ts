// Fastify 5; with the argument `compress` behind its compression plugin, with `http2` over HTTP/2.

import compress from "@fastify/compress";
import type { NodeHandler, NodeRequest, NodeResponse } from "@longwire/server";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { certificate } from "../certificate.ts";
import { nodeApp } from "../node-app.ts";
import { sayPort } from "../say-port.ts";

const { sse, ndjson, publisher, control } = nodeApp();
const http2 = process.argv.includes("http2");
const app = (http2 ? fastify({ http2, https: certificate() }) : fastify()) as unknown as FastifyInstance;
if (process.argv.includes("compress")) await app.register(compress, { threshold: 0 });
app.get("/sse/:source", hijacked(sse));
app.get("/ndjson/:source", hijacked(ndjson));
app.get("/publisher", hijacked(publisher));
app.get("/control/:word", ({ url }) => control(url));
await app.listen({ port: 0, host: "127.0.0.1" });
sayPort(app.server.address());

function hijacked(handler: NodeHandler) {
  return (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.hijack();
    return handler(request.raw as NodeRequest, reply.raw as NodeResponse);
  };
}
