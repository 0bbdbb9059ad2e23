import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Where a server listens: a host and a port, or the path of a Unix socket. */
export type ListenAddress = { readonly host: string | undefined; readonly port: number } | { readonly path: string };

/**
 * The address of `8080` (on 127.0.0.1), `host:8080`, `[::1]:8080`, `:8080` (on every address of the machine) or `unix:/run/a.sock`; port 0 is one
 * that is free.
 *
 * @throws RangeError that prints what is no address
 */
export function parseListenAddress(text: string): ListenAddress {
  if (/^unix:\//.test(text)) return { path: text.slice("unix:".length) };
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]/\s]*)):)?(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw new RangeError(
      `${JSON.stringify(text)} is no address: write 8080, 127.0.0.1:8080, [::1]:8080, :8080 or unix:/run/a.sock`,
    );
  }
  const host = text.includes(":") ? bracketed || plain || undefined : "127.0.0.1";
  return { host, port };
}

/** Listens, and resolves with the URL to ask at. @throws Error that says where, and why not */
export async function listen(server: Server, address: ListenAddress): Promise<string> {
  server.listen(address);
  try {
    await once(server, "listening");
  } catch (error) {
    const where = "path" in address ? address.path : `${address.host ?? "every address"}, port ${address.port}`;
    throw new Error(`Cannot listen on ${where}: ${whyNot(error as NodeJS.ErrnoException, address)}`, { cause: error });
  }
  if ("path" in address) return `unix:${address.path}`;
  const { address: host, port } = server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What the system says, and what it does not say of a Unix socket. */
function whyNot({ code = "", message }: NodeJS.ErrnoException, address: ListenAddress): string {
  return `${message}${"path" in address ? (hints[code] ?? "") : ""}`;
}

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: "; if nobody listens there, a process that was killed left it: remove it",
  EINVAL: "; the path may be longer than one of a socket can be, which is about 100 bytes",
};
