// bytes over real file servers, through a proxy that breaks: what is resumed is what they have.

import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBytes, type StreamError, type StreamOptions } from "@longwire/core";
import { nodeTransport } from "@longwire/node";
import { type FaultPlans, faultProxy } from "@longwire/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "./free-port.ts";
import { launch } from "./launch.ts";
import { launchNginx } from "./nginx.ts";
import { describeWithPeer } from "./peers.ts";
import { scratchFolder } from "./scratch-folder.ts";

const total = 1_000_000;

describeWithPeer("nchan", "nginx", () => files(startNginx));
describeWithPeer("caddy", "caddy", () => files(startCaddy));

function files(start: (folder: string, stack: AsyncDisposableStack) => Promise<number>): void {
  const stack = new AsyncDisposableStack();
  let folder: string;
  let port: number;
  beforeAll(async () => {
    ({ path: folder } = stack.use(await scratchFolder("files")));
    port = await start(folder, stack);
  });
  afterAll(() => stack.disposeAsync());

  test("a file that is cut by RST, FIN and silence is received whole, from where it was", async () => {
    const file = bytes("whole", total);
    await writeFile(join(folder, "whole"), file);
    const plan = [{ resetAfter: 300_000 }, { cutAfter: 250_000 }, { stall: 200_000 }, {}];
    const { hash, downBytes, outcome } = await read(port, "whole", plan);
    expect(outcome).toMatchObject({ code: "complete", cursor: total, attempts: 4 });
    expect(hash).toBe(hashOf(file));
    // Nothing was sent twice but heads, and what was on its way when the wire broke.
    expect(downBytes).toBeLessThan(total + 250_000);
  });

  test("a file that is another one after the cut is refused: nothing is mixed", async () => {
    const file = bytes("before", total);
    await writeFile(join(folder, "changing"), file);
    const change = () => writeFile(join(folder, "changing"), bytes("after", total + 1));
    const { received, outcome } = await read(port, "changing", [{ resetAfter: 300_000 }, {}], {}, change);
    expect(outcome).toMatchObject({ code: "refused", attempts: 2, error: { status: 200 } });
    expect((outcome.error as StreamError).message).toContain("it has changed; its etag was ");
    expect(received.equals(file.subarray(0, received.length))).toBe(true);
  });

  test("an offset to begin at gives the rest; the end gives nothing more; behind it is refused", async () => {
    const file = bytes("offset", 10_000);
    await writeFile(join(folder, "offset"), file);
    const from = async (offset: number) => {
      const { received, outcome } = await read(port, "offset", {}, { resume: { from: offset } });
      return [received.equals(file.subarray(offset)), outcome.code, outcome.cursor];
    };
    expect(await from(9_000)).toEqual([true, "complete", 10_000]);
    expect(await from(10_000)).toEqual([true, "complete", 10_000]);
    expect(await from(10_001)).toEqual([true, "refused", 10_001]);
  });
}

async function read(
  port: number,
  path: string,
  plan: FaultPlans,
  options: StreamOptions<Uint8Array> = {},
  waiting?: () => Promise<void>,
) {
  await using proxy = await faultProxy({ to: { port }, plan });
  const transport = nodeTransport();
  const stream = openBytes(`${proxy.url}/${path}`, {
    transport,
    timeouts: { idleMs: 500, totalMs: 20_000 },
    // Long enough for the file to be changed meanwhile.
    reconnect: { firstMs: 0, floorMs: waiting ? 300 : 0 },
    ...options,
  });
  const changed = (async () => {
    for await (const notice of stream.notices()) if (notice.type === "waiting") await waiting?.();
  })();
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch {
    // The outcome tells.
  }
  await changed;
  const outcome = await stream.outcome;
  const downBytes = proxy.counts.down;
  await transport.destroy();
  const received = Buffer.concat(chunks);
  return { received, hash: hashOf(received), downBytes, outcome };
}

async function startNginx(folder: string, stack: AsyncDisposableStack): Promise<number> {
  const port = await freePort();
  stack.use(await launchNginx(folder, `server { listen 127.0.0.1:${port}; root ${folder}; }`));
  return port;
}

async function startCaddy(folder: string, stack: AsyncDisposableStack): Promise<number> {
  const port = await freePort();
  const config = join(folder, "caddy.json");
  await writeFile(
    config,
    JSON.stringify({
      admin: { disabled: true, config: { persist: false } },
      apps: {
        http: {
          servers: {
            files: {
              listen: [`127.0.0.1:${port}`],
              automatic_https: { disable: true },
              routes: [{ handle: [{ handler: "file_server", root: folder }] }],
            },
          },
        },
      },
    }),
  );
  const env = { XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  stack.use(await launch("caddy", ["run", "--config", config], { ready: /serving initial configuration/, env }));
  return port;
}

/** Bytes that do not repeat. */
function bytes(seed: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, n) =>
    createHash("sha512").update(`${seed} ${n}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

function hashOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
