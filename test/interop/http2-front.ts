import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import type { Pair } from "../faults/certificates.ts";
import { freePort } from "./free-port.ts";
import { launch } from "./launch.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** A server that speaks HTTP/2 to clients and passes everything on, each piece as it comes. */
export interface Http2Front extends AsyncDisposable {
  /** `https://localhost:PORT`, without a slash at the end. */
  readonly url: string;
  /** Whether answers at hand outlive a reload; else they are ended, as if they were whole. */
  readonly keepsAnswers: boolean;
  /** Gives it its configuration anew: answers have `x-version: 2` then. Connections at hand are told GOAWAY. */
  reload(): Promise<void>;
}

/** nginx with workers, as only those reload. */
export async function nginxFront(upstreamPort: number, pair: Pair): Promise<Http2Front> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratchFolder("nginx"));
  await writePair(path, pair);
  const port = await freePort();
  const config = join(path, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const write = (version: number): Promise<void> =>
    writeFile(
      config,
      `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${path}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.map((use) => `${use}_temp_path ${path}/${use};`).join(" ")}
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${path}/cert.pem;
    ssl_certificate_key ${path}/key.pem;
    add_header x-version ${version};
    keepalive_requests 50;
    client_max_body_size 10m;
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`,
    );
  await write(1);
  const args = ["-c", config, "-p", path, "-e", "stderr"];
  // A SIGKILL leaves workers behind, so the kernel says SIGTERM when the test's process is gone.
  const [command, ...before] = process.platform === "linux" ? ["setpriv", "--pdeathsig", "TERM", "nginx"] : ["nginx"];
  const nginx = await launch(command as string, [...before, ...args], { ready: /start worker process \d+/ });
  stack.defer(() => nginx.kill("SIGTERM"));
  const owned = stack.move();
  return {
    url: `https://localhost:${port}`,
    keepsAnswers: true,
    async reload() {
      await write(2);
      // What it answers is when nginx is gone.
      void nginx.kill("SIGHUP");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** caddy with its own interface for administration. */
export async function caddyFront(upstreamPort: number, pair: Pair): Promise<Http2Front> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratchFolder("caddy"));
  await writePair(path, pair);
  const [port, admin] = [await freePort(), await freePort()];
  const settings = (version: number): string =>
    JSON.stringify({
      admin: { listen: `127.0.0.1:${admin}`, config: { persist: false } },
      apps: {
        http: {
          servers: {
            front: {
              listen: [`127.0.0.1:${port}`],
              protocols: ["h1", "h2"],
              automatic_https: { disable: true },
              tls_connection_policies: [{}],
              routes: [
                {
                  handle: [
                    { handler: "headers", response: { set: { "x-version": [String(version)] } } },
                    {
                      handler: "reverse_proxy",
                      flush_interval: -1,
                      upstreams: [{ dial: `127.0.0.1:${upstreamPort}` }],
                    },
                  ],
                },
              ],
            },
          },
        },
        tls: { certificates: { load_files: [{ certificate: `${path}/cert.pem`, key: `${path}/key.pem` }] } },
      },
    });
  const config = join(path, "caddy.json");
  await writeFile(config, settings(1));
  stack.use(
    await launch("caddy", ["run", "--config", config], {
      ready: /serving initial configuration/,
      env: { HOME: path, XDG_DATA_HOME: path, XDG_CONFIG_HOME: path },
    }),
  );
  const owned = stack.move();
  return {
    url: `https://localhost:${port}`,
    keepsAnswers: false,
    async reload() {
      const headers = { "content-type": "application/json" };
      const asking = request({ port: admin, host: "127.0.0.1", path: "/load", method: "POST", headers, agent: false });
      asking.end(settings(2));
      const [answer] = (await once(asking, "response")) as [IncomingMessage];
      if (answer.statusCode !== 200) throw new Error(`caddy did not reload: ${answer.statusCode}`);
      answer.resume();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function writePair(path: string, { key, cert }: Pair): Promise<void> {
  await writeFile(join(path, "key.pem"), key, { mode: 0o600 });
  await writeFile(join(path, "cert.pem"), cert);
}
