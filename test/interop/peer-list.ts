import { fileURLToPath } from "node:url";

/** Third-party programs that a suite talks to, and where they come from. */
export interface Peer {
  /** Commands by name, files by absolute path. */
  readonly needs: readonly string[];
  readonly debianPackages?: readonly string[];
  /** Of `test/hosts/peers`, which locks them. */
  readonly npmPackages?: readonly string[];
}

/** Where npm installs its part of them. */
export const npmFolder: string = fileURLToPath(new URL("../hosts/peers", import.meta.url));
const installed = (path: string): string => `${npmFolder}/node_modules/${path}`;

/** What `npm run setup:peers` installs, and `test/interop` and `test/hosts` ask for. */
export const peers = {
  go: { needs: ["go"], debianPackages: ["golang-go"] },
  gorilla: {
    needs: ["go", "/usr/share/gocode/src/github.com/gorilla/websocket/conn.go"],
    debianPackages: ["golang-go", "golang-github-gorilla-websocket-dev"],
  },
  etcd: { needs: ["etcd"], debianPackages: ["etcd-server"] },
  nchan: {
    needs: ["nginx", "/usr/lib/nginx/modules/ngx_nchan_module.so"],
    debianPackages: ["nginx", "libnginx-mod-nchan"],
  },
  curl: { needs: ["curl"], debianPackages: ["curl"] },
  nginx: { needs: ["nginx"], debianPackages: ["nginx"] },
  caddy: { needs: ["caddy"], debianPackages: ["caddy"] },
  chromium: { needs: ["/usr/bin/chromium"], debianPackages: ["chromium"] },
  networkNamespace: {
    needs: ["unshare", "ip", "nft"],
    debianPackages: ["util-linux", "iproute2", "nftables"],
  },
  bun: { needs: [installed("@oven/bun-linux-x64/bin/bun")], npmPackages: ["@oven/bun-linux-x64"] },
  deno: { needs: [installed("@deno/linux-x64-glibc/deno")], npmPackages: ["@deno/linux-x64-glibc"] },
  workerd: {
    needs: [installed("@cloudflare/workerd-linux-64/bin/workerd")],
    npmPackages: ["@cloudflare/workerd-linux-64"],
  },
  next: {
    needs: [installed("next/dist/bin/next"), installed("@next/swc-linux-x64-gnu/package.json")],
    npmPackages: ["next"],
  },
} as const satisfies Record<string, Peer>;

/** Services by package, which would start with the machine; nothing here uses them. */
export const services: Readonly<Record<string, string>> = { "etcd-server": "etcd", nginx: "nginx", caddy: "caddy" };
