/** A URL of HTTP over a Unix socket, apart. */
export interface UnixUrl {
  /** The path of the socket in the file system, percent-encoded as in the URL. */
  readonly socketPath: string;
  /** The same request as a server behind the socket sees it: its host is `localhost`. */
  readonly within: URL;
}

/**
 * Takes `unix:/run/docker.sock:/events?since=1` apart: the path of a socket, a colon, and the path and query that are asked for over
 * it. `unix:///run/docker.sock`, as in `DOCKER_HOST`, is one too. A colon in the path of the socket is `%3A`. `undefined`: another URL.
 */
export function unixUrl(url: string): UnixUrl | undefined {
  const [, socketPath, target = ""] = /^unix:(?:\/\/)?(\/[^/:?#][^:?#]*)(?::(.*))?$/is.exec(url) ?? [];
  if (socketPath === undefined || !/^([/?#]|$)/.test(target)) return undefined;
  return { socketPath: new URL(`unix:${socketPath}`).pathname, within: new URL(`http://localhost${target}`) };
}

/** The URL of what is asked for over a socket. */
export function onSocket(socketPath: string, { pathname, search }: URL): string {
  return `unix:${socketPath}:${pathname}${search}`;
}

/** Whom a URL speaks to: scheme, host and port, or `unix:` and the path of a socket. By this secrets and budgets are kept apart. */
export function originOf(url: string): string {
  const unix = unixUrl(url);
  return unix ? `unix:${unix.socketPath}` : new URL(url).origin;
}
