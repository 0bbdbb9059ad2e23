// What a consumer, a server and the time can do to a stream and to its model.

import fc from "fast-check";
import { expect } from "vitest";
import { StreamError } from "../../src/errors.ts";
import type { Failure, Line } from "./model-terms.ts";
import type { ObservedStream } from "./observed-stream.ts";
import type { SessionModel } from "./session-model.ts";

/** Something that happens to both of them. */
type Both = fc.AsyncCommand<SessionModel, ObservedStream>;

/** The same to both of them, and then they must agree. */
function command(
  name: string,
  may: (model: SessionModel) => boolean,
  act: (model: SessionModel, real: ObservedStream) => unknown,
): Both {
  return {
    check: may,
    async run(model, real) {
      await act(model, real);
      model.pass(0);
      await real.clock.advance(0);
      agree(model, real);
    },
    toString: () => name,
  };
}

const always = (): boolean => true;
const asking = ({ wire }: SessionModel): boolean => wire === "asked" || wire === "connected";
const answered = ({ wire, wireEnded }: SessionModel): boolean => wire === "answered" && !wireEnded;

const pull = command("pull", always, (model, real) => {
  model.pull();
  real.pull();
});

const open = command("open", always, (model, real) => {
  model.open();
  real.open();
});

const acknowledge = command("ack", always, (model, real) => {
  model.acknowledge();
  real.acknowledge();
});

const readNotices = command("read notices", always, (model, real) => {
  model.read();
  real.read();
});

const tryNow = command("try now", always, (model, real) => {
  expect(real.retryNow()).toBe(model.retryNow());
});

const close = command("close", always, (model, real) => {
  model.close();
  real.close();
});

const leave = command("leave", always, (model, real) => {
  model.leave();
  real.leave();
});

const abort = command("abort", always, (model, real) => {
  model.abort();
  real.abort();
});

function pass(ms: number): Both {
  return command(`pass ${ms} ms`, always, async (model, real) => {
    model.pass(ms);
    await real.clock.advance(ms);
  });
}

const connect = command(
  "connect",
  ({ wire }) => wire === "asked",
  (model, real) => {
    model.connect();
    real.server.exchange.connect();
  },
);

function answer(status: number, framed: boolean, back = 0): Both {
  return command(
    `answer ${status}${framed ? " framed" : ""}${back > 0 ? ` from ${back} before` : ""}`,
    asking,
    (model, real) => {
      connected(model, real);
      model.answer(status, framed, back);
      real.wentBack ||= back > 0;
      real.server.exchange.head(status, {}, framed ? "chunked" : "close");
    },
  );
}

interface Refusal {
  readonly retryAfter?: "seconds" | "date";
  /** The body does not end. */
  readonly stalls?: boolean;
}

function refuse(status: number, { retryAfter, stalls = false }: Refusal = {}): Both {
  const name = `refuse ${status}${retryAfter ? `, retry after 3 s (${retryAfter})` : ""}${stalls ? ", stalling" : ""}`;
  return command(name, asking, (model, real) => {
    connected(model, real);
    const date = new Date(3_000 + 1_000 * Math.ceil(real.clock.date() / 1_000));
    const retryAfterMs = { seconds: 3_000, date: date.getTime() - real.clock.date() };
    model.refuse(status, retryAfter && retryAfterMs[retryAfter], stalls);
    const { exchange } = real.server;
    const headers = { seconds: { "retry-after": "3" }, date: { "retry-after": date.toUTCString() } };
    exchange.head(status, retryAfter ? headers[retryAfter] : {}, "length");
    exchange.send("no");
    if (!stalls) exchange.end();
  });
}

/** No connection: that is known before anything is sent. */
function unreachable(phase: "name" | "connect" | "tls"): Both {
  return command(
    `${phase} fails`,
    ({ wire }) => wire === "asked",
    (model, real) => {
      model.fail({ code: "unreachable", tls: phase === "tls" });
      real.server.exchange.fail(new StreamError("unreachable", "No way", { phase }));
    },
  );
}

const brokenBeforeHead = command("reset before the head", asking, (model, real) => {
  connected(model, real);
  model.fail({ code: "reset" });
  real.server.exchange.fail(new StreamError("reset", "Cut"));
});

function connected(model: SessionModel, real: ObservedStream): void {
  if (model.wire !== "asked") return;
  model.connect();
  real.server.exchange.connect();
}

/** What the server sends: `bookmark` has an id of its own, `position` the one of the last item. */
type Sent = "item" | "bookmark" | "position" | "comment" | "heartbeat" | "end" | { readonly retryMs: number };

/** A chunk. */
function send(lines: readonly Sent[]): Both {
  const fits = ({ options }: SessionModel): boolean =>
    (options.until || !lines.includes("end")) &&
    (options.resumable || !(lines.includes("bookmark") || lines.includes("position")));
  return command(
    `send ${JSON.stringify(lines)}`,
    (model) => answered(model) && fits(model),
    (model, real) => {
      const rest = model.half ? textOf(model.half, model).slice(1) : "";
      const made = lines.map((line) => lineOf(line, model));
      const text = rest + made.map((line) => textOf(line, model)).join("");
      model.send(made, text.length);
      real.server.exchange.send(text);
    },
  );
}

const sendHalf = command(
  "send half an item",
  (model) => answered(model) && !model.half,
  (model, real) => {
    const line = lineOf("item", model);
    const text = textOf(line, model).slice(0, 1);
    model.sendHalf(line, text.length);
    real.server.exchange.send(text);
  },
);

const finish = command("FIN", answered, (model, real) => {
  model.finish();
  real.server.exchange.end();
});

function cut(code: Failure["code"]): Both {
  return command(`cut: ${code}`, answered, (model, real) => {
    model.cut({ code });
    real.server.exchange.end(new StreamError(code, "Cut"));
  });
}

function lineOf(sent: Sent, model: SessionModel): Line {
  if (typeof sent === "object") return { kind: "retry", ms: sent.retryMs };
  if (sent === "item") return { kind: "item", number: model.next++ };
  if (sent === "bookmark") return { kind: "bookmark", cursor: `${model.next - 1}b` };
  if (sent === "position") return { kind: "bookmark", cursor: String(model.next - 1) };
  return { kind: sent };
}

function textOf(line: Line, { options }: SessionModel): string {
  switch (line.kind) {
    case "item":
      return options.resumable ? `${line.number}=t${line.number}\n` : `t${line.number}\n`;
    case "bookmark":
      return `@${line.cursor}\n`;
    case "retry":
      return `~${line.ms}\n`;
    case "comment":
      return ":comment\n";
    case "heartbeat":
      return "\n";
    case "end":
      return "END\n";
    default:
      return line satisfies never;
  }
}

const sent: fc.Arbitrary<Sent> = fc.oneof(
  { weight: 8, arbitrary: fc.constant("item" as const) },
  fc.constantFrom<Sent>("bookmark", "position", "comment", "heartbeat", "end", { retryMs: 0 }, { retryMs: 700 }),
);

const oneOf = (weight: number, ...all: readonly Both[]): fc.WeightedArbitrary<Both> => ({
  weight,
  arbitrary: fc.constantFrom(...all),
});

/** What can happen. What drives a stream on is likelier than what ends it. */
export const commands: fc.Arbitrary<Both>[] = [
  fc.oneof(
    oneOf(20, pull),
    oneOf(4, open, acknowledge, readNotices, tryNow),
    oneOf(1, close, leave, abort),
    oneOf(16, ...[1, 50, 100, 100, 350, 1_000, 1_000, 10_000].map(pass)),
    oneOf(20, answer(200, true), answer(200, false)),
    oneOf(6, ...[1, 2, 5].map((back) => answer(200, true, back))),
    oneOf(3, connect, brokenBeforeHead, unreachable("name"), unreachable("connect")),
    oneOf(
      4,
      refuse(503),
      refuse(503, { retryAfter: "date" }),
      refuse(429, { retryAfter: "seconds" }),
      refuse(500, { stalls: true }),
    ),
    oneOf(1, refuse(401), refuse(404, { stalls: true }), refuse(501), answer(204, true), unreachable("tls")),
    oneOf(1, refuse(410)),
    { weight: 24, arbitrary: fc.array(sent, { minLength: 1, maxLength: 4 }).map(send) },
    oneOf(4, sendHalf),
    oneOf(8, finish, finish, cut("reset"), cut("truncated")),
  ),
];

/** All that can be seen of the one is what the other says. */
export function agree(model: SessionModel, real: ObservedStream): void {
  const [said, seen] = [model.view, real.view];
  if (JSON.stringify(said) !== JSON.stringify(seen)) expect(seen).toEqual(said);
}
