// What a WebSocket of ours does against a server on gorilla, in words that hold in every runtime: the same code runs in Node and in a
// page. Each scenario answers a report, and its test compares it with what is expected.

import { createClient, type Message, type StreamError, type WebSocketOptions, type WebSocketStream } from "longwire";
import type { GorillaCounts } from "../interop/gorilla-server.ts";

/** What a scenario is shown in. */
export interface World {
  /** A fault proxy before the server. */
  readonly url: string;
  /** Where nobody listens. */
  readonly deadUrl: string;
  /** What the proxy does to its connections: RST, nothing more comes, no more faults. */
  fault(act: "reset" | "stall" | "heal"): Promise<void>;
  counts(): Promise<GorillaCounts>;
}

export interface Scenario {
  show(world: World): Promise<unknown>;
  readonly expected: unknown;
}

/** By title. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  "text and bytes are echoed as what they are, in order": {
    async show({ url }) {
      const socket = open(url, "/echo");
      await socket.open();
      for (const message of ["", "text", "Zeile – 深い 🧵", "x".repeat(70_000), Uint8Array.of(0, 255, 128)])
        await socket.send(message);
      return (await take(socket, 5)).map((message) =>
        typeof message === "string" ? (message.length > 100 ? message.length : message) : [...message],
      );
    },
    expected: ["", "text", "Zeile – 深い 🧵", 70_000, [0, 255, 128]],
  },

  "a server chooses among the subprotocols": {
    async show({ url }) {
      const socket = open(url, "/handshake?protocols=v2,v1", { protocols: ["v1", "v2"] });
      const [first] = await take(socket, 1);
      const { offered, chosen } = JSON.parse(String(first));
      return { offered, chosen, protocol: socket.protocol };
    },
    expected: { offered: ["v1", "v2"], chosen: "v2", protocol: "v2" },
  },

  "to a server that speaks permessage-deflate a long text comes whole": {
    async show({ url }) {
      const socket = open(url, "/echo?deflate=1");
      await socket.open();
      const text = Array.from({ length: 20_000 }, (_, n) => `line ${n}\n`).join("");
      await socket.send(text);
      const [echoed] = await take(socket, 1);
      return echoed === text;
    },
    expected: true,
  },

  "what one sends to a hub comes to all, in the order of the hub": {
    async show({ url }) {
      const members = [open(url, "/hub"), open(url, "/hub")] as const;
      const iterators = members.map((member) => member[Symbol.asyncIterator]());
      for (const iterator of iterators) await iterator.next();
      for (const n of [1, 2, 3, 4]) await members[(n % 2) as 0 | 1].send(`from ${n % 2}`);
      const heard = await Promise.all(
        iterators.map(async (iterator) => {
          const all: unknown[] = [];
          while (all.length < 4) all.push((await iterator.next()).value);
          return all;
        }),
      );
      await Promise.all(members.map((member) => member.close()));
      return { alike: JSON.stringify(heard[0]) === JSON.stringify(heard[1]), sorted: heard[0]?.toSorted() };
    },
    expected: { alike: true, sorted: ["from 0", "from 0", "from 1", "from 1"] },
  },

  "a feed that breaks without a close goes on behind its last message, by the query": {
    async show({ url }) {
      const socket = open(url, "/counter?count=10&abort_after=3&abort=fin", { resume: bySince });
      return { ...(await readAll(socket)), gaps: 0 };
    },
    expected: { seen: numbers(10), code: "complete", attempts: 4, gaps: 0 },
  },

  "a feed that is reset goes on behind its last message, by a first message": {
    async show({ url }) {
      const socket = open(url, "/counter?ask=1&count=10&abort_after=4&abort=fin", {
        resume: { cursor: seqOf },
        hello: ({ cursor = 0 }) => JSON.stringify({ since: Number(cursor) }),
      });
      return readAll(socket);
    },
    expected: { seen: numbers(10), code: "complete", attempts: 3 },
  },

  "a feed that is closed with a code of the caller's table goes on, and with another it is over": {
    async show({ url }) {
      const closedBy = (code: number) =>
        readAll(
          open(url, `/counter?count=6&abort_after=3&abort=${code}`, { resume: bySince, retryOn: { 4001: true } }),
        );
      return [await closedBy(4001), await closedBy(4002)];
    },
    expected: [
      { seen: numbers(6), code: "complete", attempts: 2 },
      { seen: numbers(3), code: "refused", attempts: 1, closeCode: 4002 },
    ],
  },

  "every close code means what the table says": {
    async show({ url }) {
      const ends: Record<string, unknown> = {};
      for (const code of closeCodes) {
        const socket = open(url, `/close?code=${code}&reason=so&after=2`, { reconnect: false });
        const { seen, ...end } = await readAll(socket, String);
        ends[code] = seen.join() === "message 1,message 2" ? [end.code, end.closeCode, end.closeReason] : seen;
      }
      return ends;
    },
    expected: {
      1000: ["complete", undefined, undefined],
      1001: ["ended", undefined, undefined],
      1002: ["protocol", 1002, "so"],
      1003: ["protocol", 1003, "so"],
      1005: ["ended", undefined, undefined],
      1007: ["protocol", 1007, "so"],
      1008: ["refused", 1008, "so"],
      1009: ["limit", 1009, "so"],
      1010: ["protocol", 1010, "so"],
      1011: ["refused", 1011, "so"],
      1012: ["ended", undefined, undefined],
      1013: ["refused", 1013, "so"],
      1014: ["refused", 1014, "so"],
      3000: ["refused", 3000, "so"],
      4000: ["refused", 4000, "so"],
      4999: ["refused", 4999, "so"],
    },
  },

  "codes by which a server is away for a while are retried, the others are not": {
    async show({ url }) {
      const attempts: Record<string, number> = {};
      for (const code of closeCodes) {
        const socket = open(url, `/close?code=${code}`, { reconnect: { ...soon, retries: 1 } });
        attempts[code] = (await readAll(socket)).attempts;
      }
      return attempts;
    },
    expected: Object.fromEntries(
      closeCodesOf().map((code) => [code, [1001, 1005, 1011, 1012, 1013, 1014].includes(code) ? 2 : 1]),
    ),
  },

  "half a message before an abrupt end is not handed out": {
    async show({ url }) {
      const socket = open(url, "/abort?after=2&half=1", { reconnect: false });
      return readAll(socket, String);
    },
    expected: { seen: ["message 1", "message 2"], code: "truncated", attempts: 1, closeCode: 1006 },
  },

  "a handshake that is refused as `503` is made again": {
    async show({ url, counts }) {
      const socket = open(url, "/refuse?status=503&times=2");
      await socket.open();
      await socket.send("here");
      const messages = await take(socket, 1);
      return { messages, refused: (await counts()).refused };
    },
    expected: { messages: ["here"], refused: 3 },
  },

  "a server that pings has its pongs": {
    async show({ url, counts }) {
      const socket = open(url, "/ping?period=10&wait=2000");
      const [last] = (await take(socket, 5)).slice(-1);
      return { last, missed: (await counts()).pongsMissed };
    },
    expected: { last: "pong 5", missed: 0 },
  },

  "a peer that says nothing is noticed by a ping of the application, and the stream is opened again": {
    async show({ url, fault }) {
      const socket = open(url, "/echo", {
        ping: () => "ping",
        heartbeat: (message) => message === "ping",
        pingMs: 50,
        pongMs: 250,
        sendPolicy: "wait",
        sendCapacity: 1,
      });
      await socket.open();
      await socket.send("before");
      const notices = socket.notices();
      const seen: unknown[] = [];
      const waits: unknown[] = [];
      const reading = (async () => {
        for await (const message of socket) {
          seen.push(message);
          if (message === "before") await fault("stall");
          if (message === "after") break;
        }
      })();
      for await (const notice of notices) {
        if (notice.type !== "waiting") continue;
        const cause = notice.cause as StreamError;
        waits.push([cause.code, cause.clock]);
        break;
      }
      await socket.send("after");
      await reading;
      return { seen, waits };
    },
    expected: { seen: ["before", "after"], waits: [["idle", "pongMs"]] },
  },

  "credentials that are asked for at every attempt go in a query, a subprotocol and a first message": {
    async show({ url, fault }) {
      let asked = 0;
      const socket = open(url, "/handshake?protocols=v1", {
        query: () => ({ ticket: ++asked }),
        protocols: async () => ["v1", `token.${asked}`],
        hello: () => `token ${asked}`,
      });
      const got: unknown[] = [];
      for await (const message of socket) {
        if (String(message).startsWith("token")) {
          got.push(message);
          if (got.length === 4) break;
          await fault("reset");
        } else {
          const { query, offered } = JSON.parse(String(message));
          got.push([query, offered]);
        }
      }
      return got;
    },
    expected: [
      ["protocols=v1&ticket=1", ["v1", "token.1"]],
      "token 1",
      ["protocols=v1&ticket=2", ["v1", "token.2"]],
      "token 2",
    ],
  },

  "a send is refused where there is no connection; with `wait` it goes out with the next one": {
    async show({ url }) {
      const refusing = open(url, "/echo");
      const waiting = open(url, "/echo", { sendPolicy: "wait", sendCapacity: 2 });
      const dropping = open(url, "/echo", { sendPolicy: "dropOldest", sendCapacity: 2 });
      const report: Record<string, unknown> = { refuse: await settled(refusing.send("1")) };
      for (const [name, socket] of [
        ["wait", waiting],
        ["dropOldest", dropping],
      ] as const) {
        const sends = ["1", "2", "3"].map((message) => settled(socket.send(message)));
        const echoes = await take(socket, 2);
        report[name] = { sends: await Promise.all(sends), echoes };
      }
      await refusing.close();
      return report;
    },
    expected: {
      refuse: "unreachable",
      wait: { sends: ["sent", "sent", "limit"], echoes: ["1", "2"] },
      dropOldest: { sends: ["limit", "sent", "sent"], echoes: ["2", "3"] },
    },
  },

  "who leaves the loop closes with 1000, and who closes with a code of his own": {
    async show({ url, counts }) {
      await take(open(url, "/hub"), 1);
      const own = open(url, "/hub");
      await own.open();
      await own.close(4321, "enough");
      const { code } = await own.outcome;
      return {
        code,
        closes: await until(counts, ({ closes }) => closes.length === 2).then(({ closes }) => closes.toSorted()),
      };
    },
    expected: { code: "closed", closes: [1000, 4321] },
  },

  "`until` ends it, and what is behind is not read": {
    async show({ url }) {
      const read = (end: WebSocketOptions["until"]) =>
        readAll(open(url, "/close?code=1001&after=5", { until: end }), String);
      return [await read("message 3"), await read((message) => message === "message 3")];
    },
    expected: [
      { seen: ["message 1", "message 2"], code: "complete", attempts: 1 },
      { seen: ["message 1", "message 2", "message 3"], code: "complete", attempts: 1 },
    ],
  },

  "an abort is the caller's own reason, before and behind the handshake": {
    async show({ url }) {
      const reasons: unknown[] = [];
      for (const path of ["/echo", "/hub"]) {
        const abort = new AbortController();
        const socket = open(url, path, { signal: abort.signal });
        const reading = take(socket, 2).catch((reason: unknown) => reason);
        if (path === "/hub") await socket.open();
        abort.abort("mine");
        reasons.push(await reading, (await socket.outcome).code);
      }
      return reasons;
    },
    expected: ["mine", "aborted", "mine", "aborted"],
  },

  "a message over `maxItemBytes` is `limit`, and final": {
    async show({ url }) {
      const socket = open(url, "/flood?size=5000&count=3", { maxItemBytes: 4_999 });
      return readAll(socket, String);
    },
    expected: { seen: [], code: "limit", attempts: 1 },
  },

  "a policy that drops counts what it drops: that, and what is read, is all": {
    async show({ url }) {
      const socket = open(url, "/flood?count=2000&size=1000", { policy: "dropOldest", capacity: 5 });
      const messages = socket[Symbol.asyncIterator]();
      await messages.next();
      let dropped = 0;
      let rest: Promise<number> | undefined;
      for await (const notice of socket.notices()) {
        if (notice.type === "closed") break;
        if (notice.type !== "dropped") continue;
        // Not read on before something had to be dropped.
        rest ??= readOn();
        dropped = notice.total;
      }
      async function readOn(): Promise<number> {
        let read = 0;
        while (!(await messages.next()).done) read++;
        return read;
      }
      return { all: 1 + ((await rest) ?? 0) + dropped, some: dropped > 0, code: (await socket.outcome).code };
    },
    expected: { all: 2_000, some: true, code: "complete" },
  },

  "nobody is there: it is `unreachable`, and tried again as often as it may": {
    async show({ deadUrl }) {
      const socket = open(deadUrl, "/", { reconnect: { ...soon, retries: 2 } });
      const { code, attempts } = await readAll(socket);
      return { code, attempts, cause: ((await socket.outcome).error as StreamError).cause instanceof Error };
    },
    expected: { code: "exhausted", attempts: 3, cause: true },
  },
};

export async function show(title: string, world: World): Promise<unknown> {
  const scenario = scenarios[title];
  if (!scenario) throw new RangeError(`There is no scenario ${title}`);
  return scenario.show(world);
}

const soon = { firstMs: 5, floorMs: 1, maxMs: 50 };

export function open(url: string, path: string, options: WebSocketOptions = {}): WebSocketStream {
  return createClient({ baseUrl: url, reconnect: soon, timeouts: { totalMs: 20_000 } }).webSocket(path, options);
}

/** So many messages, and it is closed. */
async function take(socket: WebSocketStream, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

async function readAll<T>(socket: WebSocketStream, of: (message: Message) => T = seqOf as (message: Message) => T) {
  const seen: T[] = [];
  try {
    for await (const message of socket) seen.push(of(message));
  } catch {
    // The outcome tells.
  }
  const { code, attempts, error } = await socket.outcome;
  const { closeCode, closeReason } = (error ?? {}) as Partial<StreamError>;
  return {
    seen,
    code,
    attempts,
    ...(closeCode !== undefined && { closeCode }),
    ...(closeReason !== undefined && { closeReason }),
  };
}

function settled(send: Promise<void>): Promise<string> {
  return send.then(
    () => "sent",
    (error: StreamError) => error.code,
  );
}

async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
  }
}

function seqOf(message: Message): number {
  return JSON.parse(String(message)).seq;
}

const bySince: NonNullable<WebSocketOptions["resume"]> = {
  cursor: seqOf,
  apply: (request, since) => request.withQuery({ since }),
};

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function closeCodesOf(): number[] {
  return [1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999];
}

const closeCodes = closeCodesOf();
