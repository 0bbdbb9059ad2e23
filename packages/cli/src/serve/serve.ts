import { createServer, type IncomingMessage } from "node:http";
import { type HubHandler, publisherHub, publisherResponse, webSocketHub } from "@longwire/server";
import { answerByPlan, type FaultPlan } from "@longwire/testing";
import { sayOn } from "../say.ts";
import { serveUntil } from "../serve-until.ts";
import { askedFor, tellEnding } from "../tell-ending.ts";
import type { World } from "../world.ts";
import { brokenUpgrades, type Upgrade } from "./broken-upgrades.ts";
import { asksForFaults, connectionFaultsOf, faultsOf } from "./fault-query.ts";
import { file } from "./file.ts";
import { events, rows } from "./formats.ts";
import { livePublisher } from "./live.ts";
import { numbered } from "./numbered.ts";
import { page } from "./page.ts";
import { queryNumber } from "./query-number.ts";
import type { ServeFlags } from "./serve-command.ts";
import { answerOf, type Served } from "./served.ts";
import { webRequest } from "./web-request.ts";

/** Serves the demo until it is interrupted, and answers with the exit code. */
export async function serve({ listen, every = 1_000, quiet = false }: ServeFlags, world: World): Promise<number> {
  const { clock, stderr } = world;
  const say = sayOn(stderr, quiet);
  const { publisher, stop } = livePublisher(every, clock);
  const hubs = {
    "/live": publisherHub(publisher),
    "/echo": webSocketHub(echo),
    "/chat": webSocketHub(chat),
  };
  const refusing = webSocketHub({ admit: (request) => refusalOf(request) });
  const upgrade: Upgrade = (request, socket, head) => {
    const { pathname } = targetOf(request) ?? {};
    const hub = Object.hasOwn(hubs, pathname ?? "") ? hubs[pathname as keyof typeof hubs] : refusing;
    hub.upgrade(request, socket, head);
  };
  const broken = await brokenUpgrades(upgrade);
  const onCut = (how: string): void => say("magenta", "cut", how);

  const paths: Readonly<Record<string, (request: Request, query: URLSearchParams) => Served>> = {
    "/events": (request, query) => {
      const from = wholeNumber(request.headers.get("last-event-id"));
      return numbered(events, { from, query, clock, onCut });
    },
    "/rows": (_request, query) => numbered(rows, { from: queryNumber(query, "since", 0), query, clock, onCut }),
    "/bytes": file,
    "/live": (request, query) => ({
      answer: () => answerOf(publisherResponse(publisher, request)),
      plan: faultsOf(query),
    }),
    ...page,
  };

  function servedTo(incoming: IncomingMessage): Served {
    const target = targetOf(incoming);
    if (!target || !Object.hasOwn(paths, target.pathname))
      return inWords(404, "There is nothing here; / shows what there is.");
    if (incoming.method !== "GET" && incoming.method !== "HEAD") return inWords(405, "GET and HEAD are served here.");
    try {
      return (paths[target.pathname] as (typeof paths)[string])(webRequest(incoming, target), target.searchParams);
    } catch (error) {
      // Of a query, which is all that can be wrong here.
      return inWords(400, (error as Error).message);
    }
  }

  const server = createServer(async (incoming, response) => {
    const { answer, plan, over } = servedTo(incoming);
    tellEnding(incoming, response, { say, clock, wasBroken: () => asksForFaults(plan) });
    try {
      await answerByPlan(incoming, response, answer, plan, { clock });
    } catch (error) {
      say("red", "fail", `${askedFor(incoming)}: ${(error as Error).message}`);
    }
    over?.();
  });
  const breaking = async (plan: FaultPlan, ...[request, socket, head]: Parameters<Upgrade>): Promise<void> => {
    try {
      await broken.take(plan, request, socket, head);
    } catch (error) {
      say("red", "fail", `${askedFor(request)}: ${(error as Error).message}`);
      socket.destroy();
    }
  };
  server.on("upgrade", (request, socket, head) => {
    say("cyan", "switch", askedFor(request));
    const plan = planOf(request);
    if (plan instanceof Error) refusing.upgrade(request, socket, head);
    else if (asksForFaults(plan)) void breaking(plan, request, socket, head);
    else upgrade(request, socket, head);
  });

  return serveUntil(server, listen, world, {
    say,
    listening: (url) =>
      say("green", "listen", `${url}; / shows it all, longwire serve --help has the paths and the faults`),
    async close() {
      stop();
      await Promise.all([publisher.close(), refusing.close(), ...Object.values(hubs).map((hub) => hub.close())]);
      await broken.close();
    },
  });
}

const echo: HubHandler = async (socket) => {
  for await (const message of socket) await socket.send(message);
};

const chat: HubHandler = async (socket, { hub }) => {
  for await (const message of socket) await hub.broadcast(message);
};

/** The plan that the query of an upgrade asks for, or what is wrong with it. */
function planOf(request: IncomingMessage): FaultPlan | Error {
  try {
    return connectionFaultsOf(targetOf(request)?.searchParams ?? new URLSearchParams());
  } catch (error) {
    return error as Error;
  }
}

/** Why an upgrade is not served: its query is wrong, or there is nothing. */
function refusalOf(request: IncomingMessage): { status: number; text: string } {
  const plan = planOf(request);
  return plan instanceof Error
    ? { status: 400, text: `${plan.message}\n` }
    : { status: 404, text: "There is no WebSocket here.\n" };
}

function targetOf({ url = "/" }: IncomingMessage): URL | undefined {
  return URL.canParse(url, "http://host") ? new URL(url, "http://host") : undefined;
}

/** A number of an id; who brings another one begins at the start. */
function wholeNumber(text: string | null): number {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function inWords(status: number, text: string): Served {
  const headers = { "content-type": "text/plain; charset=utf-8", ...(status === 405 && { allow: "GET, HEAD" }) };
  return { answer: { status, headers, body: `${text}\n` }, plan: {} };
}
