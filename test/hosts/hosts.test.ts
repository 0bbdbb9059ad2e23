// What the responses promise, on each of the frameworks and runtimes that the README names: a process of each, real sockets, and what
// became of the sources is asked of the process.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeTransport } from "@longwire/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Authority } from "../faults/certificates.ts";
import { type Launched, launch } from "../interop/launch.ts";
import { describeWithPeer } from "../interop/peers.ts";
import { type ScratchFolder, scratchFolder } from "../interop/scratch-folder.ts";
import { asked, type Asking } from "./asked.ts";
import { claims, type Served } from "./claims.ts";
import { type Host, hosts } from "./hosts.ts";

let folder: ScratchFolder;
let ca: Buffer;
beforeAll(async () => {
  folder = await scratchFolder("hosts");
  using authority = new Authority();
  const { key, cert } = authority.issue("IP:127.0.0.1");
  writeFileSync(join(folder.path, "key.pem"), key);
  writeFileSync(join(folder.path, "cert.pem"), cert);
  ca = authority.cert;
});
afterAll(() => folder[Symbol.asyncDispose]());

for (const host of hosts) {
  if (host.peer === undefined) describe(host.name, () => suite(host));
  else describeWithPeer(host.peer, host.name, () => suite(host));
}

function suite(host: Host): void {
  let running: Launched;
  beforeAll(async () => {
    const [file, ...args] = await host.command(folder.path);
    running = await launch(file as string, args, { ready, env: { ...quiet, HOST_CERTIFICATES: folder.path } });
  }, 150_000);
  afterAll(() => running?.[Symbol.asyncDispose]());

  let runs = 0;
  test.for(claims(host))("%s", async ([, show], { signal }) => {
    await using transport = nodeTransport({ proxy: false, tls: { ca } });
    const scheme = host.protocol === "h1" ? "http" : "https";
    const run = `run=${runs++}`;
    const url = (path: string): string =>
      `${scheme}://127.0.0.1:${running.ready[1]}${path}${path.includes("?") ? "&" : "?"}${run}`;
    const ask: Served["ask"] = (path, asking?: Asking) =>
      asked(host.protocol, url(path), { headers: { "accept-encoding": "gzip" }, ...asking }, { ca, signal });
    const control: Served["control"] = async (word) => {
      signal.throwIfAborted();
      await using answer = await ask(`/control/${word}`, { headers: {} });
      return JSON.parse((await answer.rest()).text);
    };
    await show({ host, transport, signal, url, ask, control });
  });

  if (host.compresses) {
    test("other answers are compressed", async ({ signal }) => {
      const url = `http://127.0.0.1:${running.ready[1]}/control/seen`;
      await using answer = await asked("h1", url, { headers: { "accept-encoding": "gzip" } }, { ca, signal });
      expect(answer.headers["content-encoding"]).toBe("gzip");
    });
  }
}

// Next says it in words.
const ready = /(?:"port":|Local: +http:\/\/127\.0\.0\.1:)(\d+)/;

/** What keeps runtimes from writing outside of the suite's folder, and from asking for news. */
const quiet = {
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  DENO_NO_UPDATE_CHECK: "1",
  DO_NOT_TRACK: "1",
  NEXT_TELEMETRY_DISABLED: "1",
};
