import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { minified } from "./minified.ts";
import { committedSizes, measuredSizes, sizeFaults, tolerance } from "./sizes.ts";

describe("the size table", () => {
  it("agrees with what a browser downloads", async () => {
    expect(sizeFaults(await committedSizes(), await measuredSizes())).toEqual([]);
  });

  it("tells what grew, what shrank, what is new and what is gone, with the word that updates it", () => {
    const [more, less] = [Math.ceil(1_000 * (1 + 2 * tolerance)), Math.floor(1_000 * (1 - 2 * tolerance))];
    const faults = sizeFaults(
      { same: 1_000, grown: 1_000, shrunk: 1_000, gone: 9 },
      { same: 1_001, grown: more, shrunk: less, new: 9 },
    );
    expect(faults).toEqual([
      expect.stringMatching(`^grown: ${more}, in the table 1000. If meant: npm run sizes -- --write$`),
      expect.stringMatching(/^shrunk: /),
      expect.stringMatching(/^gone: not measured/),
      expect.stringMatching(/^new: 9, in the table nothing/),
    ]);
  });
});

describe("the browser bundle", () => {
  it("has nothing of Node in it: no undici, no node: module, no Buffer half of a pair", async () => {
    const { code, inputs } = await minified(`export * from "longwire";`);
    expect(inputs.filter((path) => /undici|packages\/node\/|\.node\.js$/.test(path))).toEqual([]);
    expect(inputs.some((path) => path.endsWith("bytes/native.js"))).toBe(true);
    expect(code).not.toMatch(/\bimport\s*[("'{*]|(?<![.\w])from\s*["']|node:/);
  });

  it("reads a stream by itself", async () => {
    const { code } = await minified(`export * from "longwire";`);
    const folder = await mkdtemp(join(tmpdir(), "longwire-bundle-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "longwire.min.mjs");
    await writeFile(file, code);
    const { createClient } = (await import(pathToFileURL(file).href)) as typeof import("longwire");
    const server = createServer((_, response) => {
      response.setHeader("content-type", "text/event-stream").end("data: one\n\ndata: two\n\ndata: [DONE]\n\n");
    }).listen(0, "127.0.0.1");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, "listening");
    await using client = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const seen: string[] = [];
    for await (const event of client.sse("/events", { until: "[DONE]" })) seen.push(event.data);
    expect(seen).toEqual(["one", "two"]);
  });
});
