import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { peers } from "../interop/peer-list.ts";

/** A page of a real Chromium in which a module of ours runs. Disposing of it ends the browser. */
export interface ChromiumPage<Exports> extends AsyncDisposable {
  /** Calls what the module exports by `name` and answers what that resolves with. What crosses over is JSON. */
  call<Name extends keyof Exports & string>(name: Name, ...args: ArgumentsOf<Exports[Name]>): Promise<unknown>;
  /** Leaves the page for another one that has the module. */
  open(url: string): Promise<void>;
  /** As a cable that is pulled: the page is told. Connections that are open stay so. */
  setOffline(offline: boolean): Promise<void>;
}

type ArgumentsOf<Export> = Export extends (...args: infer Arguments) => unknown ? Arguments : never;

/**
 * Opens a page with `module`, a file beside this one, on a server of its own on loopback.
 *
 * @param given functions of this process that the page finds on `globalThis`
 */
export async function openChromium<Exports>(module: string, given: Given = {}): Promise<ChromiumPage<Exports>> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await servePage(await pageWith(module)));
  const chromium = stack.use(await launchChromium<Exports>(given));
  await chromium.open(origin.url);
  const owned = stack.move();
  return { ...chromium, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A browser whose page is yet to be opened. */
export async function launchChromium<Exports>(given: Given = {}): Promise<ChromiumPage<Exports>> {
  await using stack = new AsyncDisposableStack();
  const browser = await chromium.launch({ executablePath: peers.chromium.needs[0], args: quietFlags, timeout: 20_000 });
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  for (const [name, call] of Object.entries(given)) await page.exposeFunction(name, call);
  const owned = stack.move();
  return {
    call: (name, ...args) => page.evaluate(`longwireTest[${JSON.stringify(name)}](...${JSON.stringify(args)})`),
    async open(url) {
      const failed: string[] = [];
      const note = ({ message }: Error): unknown => failed.push(message);
      page.on("pageerror", note);
      await page.goto(url, { timeout: 20_000 });
      page.off("pageerror", note);
      if (failed.length > 0) throw new Error(`The module could not run in the page: ${failed.join("; ")}`);
    },
    setOffline: (offline) => page.context().setOffline(offline),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Bundles `module` for browsers, and answers requests for a page with it, at `/`. */
export async function pageWith(module: string): Promise<RequestListener> {
  const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/module.js"></script>`;
  const script = await bundled(module);
  return ({ url }, response) => {
    const isScript = url === "/module.js";
    response.setHeader("content-type", isScript ? "text/javascript; charset=utf-8" : "text/html");
    response.end(isScript ? script : html);
  };
}

type Given = Readonly<Record<string, (...args: never[]) => unknown>>;

async function bundled(module: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(module, import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "longwireTest",
    platform: "browser",
    target: "es2022",
  });
  return outputFiles[0]?.text ?? "";
}

async function servePage(page: RequestListener): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer(page);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A browser that asks nobody for anything by itself. */
export const quietFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
