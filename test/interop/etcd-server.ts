import { freePort } from "./free-port.ts";
import { launch } from "./launch.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** An etcd of one member. Disposing of it kills it and removes its data. */
export interface EtcdServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Sets a key; answers the revision that this made. */
  put(key: string, value: string): Promise<number>;
  /** Forgets what happened before a revision. */
  compact(revision: number): Promise<void>;
  /** Ends it by a signal; then a new process on its data and its port. */
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** Keys and values go over etcd's HTTP in base64. */
export const base64 = (text: string): string => Buffer.from(text).toString("base64");

export async function startEtcd(): Promise<EtcdServer> {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await scratchFolder("etcd"));
  const [port, peerPort] = [await freePort(), await freePort()];
  const [url, peerUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const flags = {
    "data-dir": data.path,
    "listen-client-urls": url,
    "advertise-client-urls": url,
    "listen-peer-urls": peerUrl,
    "initial-advertise-peer-urls": peerUrl,
    "initial-cluster": `default=${peerUrl}`,
    "experimental-watch-progress-notify-interval": "200ms",
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const start = () => launch("etcd", args, { ready: /ready to serve client requests/ });
  let member = await start();
  stack.defer(() => member.kill());
  const owned = stack.move();

  const call = async (path: string, body: object): Promise<EtcdAnswer> => {
    const response = await fetch(`${url}/v3/kv/${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd answered ${response.status} to ${path}: ${await response.text()}`);
    return (await response.json()) as EtcdAnswer;
  };
  return {
    port,
    url,
    put: async (key, value) => Number((await call("put", { key: base64(key), value: base64(value) })).header.revision),
    compact: async (revision) => {
      await call("compaction", { revision: String(revision), physical: true });
    },
    restart: async (signal) => {
      await member.kill(signal);
      member = await start();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface EtcdAnswer {
  readonly header: { readonly revision: string };
}
