import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { launch } from "./launch.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** A caddy that passes everything on. Disposing of it kills it. */
export interface CaddyServer extends AsyncDisposable {
  readonly url: string;
}

/** Starts one in front of a server on `upstreamPort`; it passes each piece on as it comes. */
export async function startCaddy(upstreamPort: number): Promise<CaddyServer> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratchFolder("caddy"));
  const port = await freePort();
  const handler = {
    handler: "reverse_proxy",
    flush_interval: -1,
    upstreams: [{ dial: `127.0.0.1:${upstreamPort}` }],
  };
  const front = {
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    routes: [{ handle: [handler] }],
  };
  const config = join(path, "caddy.json");
  await writeFile(
    config,
    JSON.stringify({ admin: { disabled: true, config: { persist: false } }, apps: { http: { servers: { front } } } }),
  );
  const caddy = await launch("caddy", ["run", "--config", config], {
    ready: /serving initial configuration/,
    env: { HOME: path, XDG_DATA_HOME: path, XDG_CONFIG_HOME: path },
  });
  stack.use(caddy);
  const owned = stack.move();
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
