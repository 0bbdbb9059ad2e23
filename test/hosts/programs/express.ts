// Express 5; with the argument `compression` behind its compression middleware.

import compression from "compression";
import express from "express";
import { nodeApp } from "../node-app.ts";
import { sayPort } from "../say-port.ts";

const { sse, ndjson, publisher, control } = nodeApp();
const app = express();
if (process.argv.includes("compression")) app.use(compression({ threshold: 0 }));
app.get("/sse/:source", sse);
app.get("/ndjson/:source", ndjson);
app.get("/publisher", publisher);
app.get("/control/:word", async ({ url }, response) => {
  response.json(await control(url));
});
const server = app.listen(0, "127.0.0.1", () => sayPort(server.address()));
