import { once } from "node:events";
import { STATUS_CODES } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Clock, systemClock } from "@longwire/core";
import { type Carrier, carry } from "./carry.ts";
import { checkFields, shown, whole } from "./checks.ts";
import { endings } from "./endings.ts";
import { answerInstead, type FaultPlan, type FaultPlans, type Instead, planOptions, plansOf } from "./fault-plan.ts";
import { faultFlow } from "./fault-steps.ts";
import { written } from "./written.ts";

export interface FaultProxyOptions {
  /** Where connections go; `host` is 127.0.0.1 by default. Or the origin of a server, such as `http://127.0.0.1:8080`. */
  readonly to: { readonly host?: string | undefined; readonly port: number } | string | URL;
  /** What goes wrong, by connection. Default: nothing. */
  readonly plan?: FaultPlans | undefined;
  /** Measures the waits of the plans. Default: the real one. */
  readonly clock?: Clock | undefined;
}

/** A TCP proxy on loopback that breaks what it carries, by plan or by hand. */
export interface FaultProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Connections accepted, those open now, and bytes that went to (`up`) and came from (`down`) the target. */
  readonly counts: FaultProxyCounts;
  /** The faults of connections from now on. @throws TypeError, RangeError when it is set to what is no plan */
  plan: FaultPlans;
  /** Ends all open connections: FIN. */
  cut(): void;
  /** Breaks all open connections: RST. */
  reset(): void;
  /** On all open connections nothing more comes down; they stay open. */
  stall(): void;
  /**
   * No more faults: new connections have none, open ones go on without, also those that stall. One that was black-holed is ended, for
   * it has nobody to talk to.
   */
  heal(): void;
  /** Destroys all connections and stops listening. @throws what a plan function threw */
  close(): Promise<void>;
}

export interface FaultProxyCounts {
  readonly accepted: number;
  readonly open: number;
  readonly up: number;
  readonly down: number;
}

/**
 * Starts one on 127.0.0.1, on a port that is free. Memory is constant, and backpressure goes through it in both directions: of each
 * connection at most one chunk waits. An end or a break of either side is passed on as what it is.
 *
 * Plans count what comes down a connection: heads and framing included. Those that change a body (`badUtf8`, `splitBom`,
 * `gzipStall`) are not for a proxy, which knows no bodies. `status` is answered to the first bytes of a request.
 *
 * @throws TypeError, RangeError on a bad option or plan
 * @example
 * ```ts
 * import { faultProxy } from "@longwire/testing";
 *
 * await using proxy = await faultProxy({ to: { port: 8080 }, plan: [{ resetAfter: 1_000 }, {}] });
 * await fetch(`${proxy.url}/events`).then((response) => response.text()).catch(console.error); // reset after 1,000 bytes
 * await fetch(`${proxy.url}/events`); // whole
 * ```
 */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  checkFields<FaultProxyOptions>(
    "The options object of faultProxy",
    options,
    optionChecks,
    " such as { to: { port: 8080 } }",
  );
  const { plan = {}, clock = systemClock } = options;
  const to = targetOf(options.to);
  const links = new Set<Link>();
  const failures: unknown[] = [];
  const past = { accepted: 0, up: 0, down: 0 };
  let plans = plan;
  let planOf = proxyPlansOf(plan);

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    client.on("error", silence);
    try {
      const link = openLink(client, to, planOf(past.accepted++), clock);
      links.add(link);
      client.once("close", () => {
        links.delete(link);
        past.up += client.bytesRead;
        past.down += client.bytesWritten;
      });
    } catch (error) {
      failures.push(error);
      client.resetAndDestroy();
    }
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function close(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const { client } of links) client.destroy();
    await closed;
    if (failures.length > 0) throw failures[0];
  }

  function setPlan(next: FaultPlans): void {
    planOf = proxyPlansOf(next);
    plans = next;
  }

  const all = (act: (link: Link) => void) => (): void => {
    for (const link of links) act(link);
  };
  const sum = (side: "bytesRead" | "bytesWritten"): number =>
    [...links].reduce((bytes, { client }) => bytes + client[side], 0);

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get counts() {
      const { accepted, up, down } = past;
      return { accepted, open: links.size, up: up + sum("bytesRead"), down: down + sum("bytesWritten") };
    },
    get plan() {
      return plans;
    },
    set plan(next) {
      setPlan(next);
    },
    cut: all((link) => link.end("cut")),
    reset: all((link) => link.end("reset")),
    stall: all((link) => link.stall()),
    heal() {
      setPlan({});
      for (const link of links) link.heal();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const optionChecks = { ...planOptions, to: (_name: string, to: unknown) => void targetOf(to) };

interface Target {
  readonly host: string;
  readonly port: number;
}

/** @throws TypeError, RangeError */
function targetOf(to: unknown): Target {
  if (typeof to === "string" || to instanceof URL) return originOf(String(to));
  if (typeof to !== "object" || to === null) throw noTarget(to);
  const { host = "127.0.0.1", port } = to as Partial<Target>;
  if (typeof host !== "string") throw new TypeError(`to.host must be a text, not ${shown(host)}`);
  whole(1, 65_535)("to.port", port);
  return { host, port: port as number };
}

function originOf(text: string): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // A path would be lost without a word: it is the client's to ask for.
  if (!url || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) throw noTarget(text);
  const port = Number(url.port || (url.protocol === "http:" ? 80 : 443));
  return { host: url.hostname.replaceAll(/[[\]]/g, ""), port };
}

function noTarget(to: unknown): TypeError {
  return new TypeError(
    `to must be { port: 8080 }, with a host or without, or an origin such as "http://127.0.0.1:8080", not ${shown(to)}`,
  );
}

/** One connection through the proxy. */
interface Link {
  readonly client: Socket;
  end(how: "cut" | "reset"): void;
  stall(): void;
  heal(): void;
}

function openLink(client: Socket, to: Target, plan: FaultPlan, clock: Clock): Link {
  const over = new AbortController();
  const faults = faultFlow(plan);
  const instead = answerInstead(plan);
  const target = instead || plan.blackhole ? undefined : connect({ ...to, noDelay: true, allowHalfOpen: true });
  const asked = new Promise<unknown>((resolve) => client.once("data", resolve).once("close", resolve));
  let healed: Promise<void> | undefined;
  let wake = silence;

  target?.on("error", silence);
  client.once("error", () => target?.resetAndDestroy());
  if (target) client.pipe(target);
  else client.resume();
  client.once("close", () => {
    over.abort();
    target?.destroy();
  });
  // Who leaves a connection on which nothing comes has left it for good; no answer would ever tell.
  client.once("end", () => (healed || plan.blackhole) && client.destroy());

  const carrier: Carrier = {
    begin: async () => {},
    write: (bytes) => written((done) => client.write(bytes, done)),
    end: () => void client.end(),
    cut: () => end("cut"),
    halfClose() {
      endings.halfClose(client);
      target?.resume();
    },
    reset: () => end("reset"),
    stall() {
      if (client.readableEnded) client.destroy();
      return held();
    },
  };

  function end(how: "cut" | "reset"): void {
    over.abort();
    endings[how](client);
    target?.destroy();
  }

  function held(): Promise<void> {
    healed ??= new Promise((resolve) => (wake = resolve));
    return healed;
  }

  function stall(): void {
    faults.stall();
    void held();
  }

  function heal(): void {
    faults.heal();
    healed = undefined;
    wake();
  }

  // Iterated so that leaving does not destroy it: after a half-close the other direction goes on.
  const flow = target?.iterator({ destroyOnReturn: false }) ?? answerTo(asked, instead);
  carry(flow, faults, carrier, { clock, signal: over.signal }).catch(async () => {
    // The target refused, or broke.
    await healed;
    if (!over.signal.aborted) end("reset");
  });
  return { client, end, stall, heal };
}

async function* answerTo(asked: Promise<unknown>, instead: Instead | undefined): AsyncGenerator<Uint8Array> {
  await asked;
  if (!instead) return;
  const lines = [
    `HTTP/1.1 ${instead.status} ${STATUS_CODES[instead.status] ?? ""}`,
    ...Object.entries(instead.headers).map(([name, value]) => `${name}: ${value}`),
    "content-length: 0",
    "connection: close",
  ];
  yield Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

function proxyPlansOf(plans: FaultPlans): (index: number) => FaultPlan {
  const proxied = (plan: FaultPlan | undefined): FaultPlan | undefined => {
    const foreign = (["badUtf8", "splitBom", "gzipStall"] as const).find((name) => plan?.[name] !== undefined);
    if (foreign === undefined) return plan;
    throw new TypeError(`${foreign} changes a body, and a proxy knows no bodies: give it to loopbackServer or to msw`);
  };
  if (typeof plans === "function") return plansOf((index) => proxied(plans(index)));
  const planOf = plansOf(plans);
  for (const plan of [plans].flat() as readonly FaultPlan[]) proxied(plan);
  return planOf;
}

function silence(): void {}
