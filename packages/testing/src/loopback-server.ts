import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type Clock, systemClock } from "@longwire/core";
import { type Answering, type AnswerRequest, answererOf } from "./answer.ts";
import { carry } from "./carry.ts";
import { checkFields } from "./checks.ts";
import { endings } from "./endings.ts";
import { type FaultPlan, type FaultPlans, planOptions, plansOf } from "./fault-plan.ts";
import { faultFlow } from "./fault-steps.ts";
import { responseCarrier } from "./response-carrier.ts";

export interface LoopbackServerOptions {
  /** What goes wrong, by request. Default: nothing. */
  readonly plan?: FaultPlans | undefined;
  /** Measures the waits of the plans. Default: the real one. */
  readonly clock?: Clock | undefined;
}

/** An HTTP/1.1 server on loopback whose answers break by plan. */
export interface LoopbackServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** All requests so far, in order. */
  readonly requests: readonly LoopbackRequest[];
  /** All connections so far, in order, also closed ones. */
  readonly connections: readonly LoopbackConnection[];
  /** The faults of requests from now on. @throws TypeError, RangeError when it is set to what is no plan */
  plan: FaultPlans;
  /** Destroys all connections and stops listening. @throws what an answer or a plan function threw first */
  close(): Promise<void>;
}

export interface LoopbackRequest extends AnswerRequest {
  /** The connection it came on. */
  readonly connection: LoopbackConnection;
}

export interface LoopbackConnection {
  /** Its place among the connections, from 0. */
  readonly index: number;
  /** Requests that came on it so far. */
  readonly requests: number;
  readonly open: boolean;
}

/**
 * Starts one on 127.0.0.1, on a port that is free. It keeps connections alive until the client leaves, an answer of framing `close`
 * was whole, or a plan ends them. A plan's offsets count the bytes of the body, before framing.
 *
 * @throws TypeError, RangeError on what is no answer, and on a bad option or plan
 * @example
 * ```ts
 * import { loopbackServer } from "@longwire/testing";
 *
 * await using server = await loopbackServer(
 *   ({ headers }) => ({
 *     headers: { "content-type": "text/event-stream" },
 *     body: headers.has("last-event-id") ? "data: [DONE]\n\n" : "id: 1\ndata: one\n\nid: 2\nda",
 *     framing: "chunked",
 *   }),
 *   { plan: [{ slice: 1, cutAfter: 20 }, {}] },
 * );
 * console.log(server.url, server.requests.length, server.connections.length);
 * ```
 */
export async function loopbackServer(
  answer: Answering<LoopbackRequest>,
  options: LoopbackServerOptions = {},
): Promise<LoopbackServer> {
  checkFields<LoopbackServerOptions>("The options object of loopbackServer", options, planOptions);
  const { plan = {}, clock = systemClock } = options;
  const answerTo = answererOf(answer);
  const connections: { index: number; requests: number; open: boolean }[] = [];
  const sockets = new Map<Socket, (typeof connections)[number]>();
  const requests: LoopbackRequest[] = [];
  const failures: unknown[] = [];
  let plans = plan;
  let planOf = plansOf(plan);

  const server = createServer({ noDelay: true, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  server.on("connection", (socket) => {
    const connection = { index: connections.length, requests: 0, open: true };
    connections.push(connection);
    sockets.set(socket, connection);
    socket.once("close", () => {
      connection.open = false;
      sockets.delete(socket);
    });
  });
  server.on("request", async (incoming: IncomingMessage, response: ServerResponse) => {
    const { socket } = incoming;
    const connection = sockets.get(socket);
    if (!connection) return;
    connection.requests++;
    const over = new AbortController();
    const gone = new AbortController();
    response.once("close", () => {
      over.abort();
      if (!response.writableFinished) gone.abort(new Error("The reader left before the answer was whole"));
    });
    try {
      const request = requestOf(incoming, requests.length, connection, gone.signal);
      requests.push(request);
      await respond(request, response, planOf(request.index), over.signal);
    } catch (error) {
      // An answer that was let go may complain.
      if (over.signal.aborted) return;
      failures.push(error);
      endings.reset(socket);
    }
  });

  async function respond(
    request: LoopbackRequest,
    response: ServerResponse,
    plan: FaultPlan,
    signal: AbortSignal,
  ): Promise<void> {
    const planned = await answerTo(request, plan);
    if (signal.aborted) return;
    await carry(planned.flow, faultFlow(plan), responseCarrier(response, planned), { clock, signal });
  }

  async function close(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets.keys()) socket.destroy();
    await closed;
    if (failures.length > 0) throw failures[0];
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections,
    get plan() {
      return plans;
    },
    set plan(next) {
      planOf = plansOf(next);
      plans = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function requestOf(
  incoming: IncomingMessage,
  index: number,
  connection: LoopbackConnection,
  signal: AbortSignal,
): LoopbackRequest {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const { method = "GET", url: path = "/" } = incoming;
  return { index, method, path, headers, signal, connection, body: incoming, text: () => text(incoming) };
}
