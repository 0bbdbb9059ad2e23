// A relay whose wires are cut behind every byte, on either side: nobody takes for whole what is not.

import { relay } from "@longwire/server";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { leakCounter } from "@longwire/testing";
import { describe, expect, test } from "vitest";
import { listening } from "./listening.ts";
import { chunked, type RawWire, rawServer } from "./raw-server.ts";
import { RawClient } from "./relay-server.ts";

const request = `POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("ping")}${chunked("pong")}${chunked("")}`;
const lengthRequest = "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\npingpong";
const bodies = {
  chunked: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("one,")}${chunked("two")}${chunked("")}`,
  length: "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\none,two",
};
const wholeAnswers = {
  chunked: /\r\n\r\n4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n$|\r\n\r\n7\r\none,two\r\n0\r\n\r\n$/,
  length: /\r\n\r\none,two$/,
};

describe.each(["chunked", "length"] as const)("an answer framed by %s", (framing) => {
  test.each(["FIN", "RST", "stall"] as const)(
    "that the upstream cuts by %s behind every byte is never whole at the client, and what came is a prefix",
    async (fault) => {
      await using _leaks = leakCounter();
      const answer = bodies[framing];
      const timeouts = fault === "stall" ? { headersMs: 150, idleMs: 150 } : {};
      const wrong: string[] = [];
      const cutAt = async (at: number): Promise<void> => {
        await using upstream = await rawServer(async (wire) => {
          await wire.request();
          await requestBody(wire);
          await wire.write(answer.slice(0, at));
          if (fault === "FIN") wire.fin();
          if (fault === "RST") wire.reset();
        });
        await using front = await fronted(upstream.url, timeouts);
        const { text } = await conversation(front.port, request);
        const head = answer.indexOf("\r\n\r\n") + 4;
        const seen = text.slice(text.indexOf("\r\n\r\n") + 4);
        const isWhole = wholeAnswers[framing].test(text);
        if (at < head && !/^HTTP\/1.1 50[24] /.test(text))
          wrong.push(`${at}: no 502 or 504 but ${JSON.stringify(text)}`);
        if (at < head) return;
        if (isWhole !== (at === answer.length)) wrong.push(`${at}: whole is ${isWhole}: ${JSON.stringify(text)}`);
        // Both sides are framed alike, but for how chunks are joined.
        const data = dechunked(seen);
        if (!"one,two".startsWith(data)) wrong.push(`${at}: ${JSON.stringify(seen)}`);
        if (fault === "FIN" && data !== received(answer.slice(head, at), framing))
          wrong.push(`${at}: lost: ${JSON.stringify(seen)}`);
      };
      await Promise.all(everyPlace(answer).map(cutAt));
      expect(wrong).toEqual([]);
    },
    60_000,
  );
});

const ways = ["FIN", "RST"] as const;
test.each(ways.flatMap((fault) => (["chunked", "length"] as const).map((framing) => [framing, fault] as const)))(
  "a request framed by %s that its client cuts by %s behind every byte is never whole at the upstream",
  async (framing, fault) => {
    await using _leaks = leakCounter();
    const sent = framing === "chunked" ? request : lengthRequest;
    const wrong: string[] = [];
    for (const at of everyPlace(sent)) {
      if (at === sent.length) continue;
      let heard = "";
      await using upstream = await rawServer(async (wire) => {
        await wire.request();
        heard = framing === "chunked" ? await requestBody(wire) : await wire.bytes(8);
      });
      await using front = await fronted(upstream.url, {});
      await conversation(front.port, sent.slice(0, at), fault);
      for (const wire of upstream.wires) await wire.left;
      if (heard.endsWith("0\r\n\r\n") || (heard.length === 8 && framing === "length"))
        wrong.push(`${at}: ${JSON.stringify(heard)}`);
      if (!"pingpong".startsWith(dechunked(heard))) wrong.push(`${at}: not a prefix: ${JSON.stringify(heard)}`);
    }
    expect(wrong).toEqual([]);
  },
  60_000,
);

test.each(["FIN", "RST"] as const)(
  "a client that leaves by %s behind every byte of the answer takes the upstream's connection with it",
  async (fault) => {
    await using _leaks = leakCounter();
    const answer = bodies.chunked.slice(0, -5);
    for (const at of everyPlace(answer)) {
      let written = (): void => {};
      const ready = new Promise<void>((resolve) => {
        written = resolve;
      });
      await using upstream = await rawServer(async (wire) => {
        await wire.request();
        await requestBody(wire);
        await wire.write(answer.slice(0, at));
        written();
      });
      await using front = await fronted(upstream.url, {});
      const socket = connect({ port: front.port, host: "127.0.0.1" }).on("error", () => {});
      socket.write(request);
      await ready;
      leave(socket, fault);
      await upstream.wires[0]?.left;
      socket.destroy();
    }
  },
  60_000,
);

describe("a connection that leaves HTTP", () => {
  const asks = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n";
  const switches = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n";

  test.each(["FIN", "RST", "stall"] as const)(
    "and that the upstream cuts by %s behind every byte is cut for the client in the same way, behind what came",
    async (fault) => {
      await using _leaks = leakCounter();
      const answer = `${switches}some words`;
      const timeouts = fault === "stall" ? { headersMs: 150, idleMs: 150 } : {};
      const cutAt = async (at: number): Promise<string> => {
        await using upstream = await rawServer(async (wire) => {
          await wire.request();
          await wire.write(answer.slice(0, at));
          // A reset takes with it what was not read.
          if (at > switches.length) await client.until(`\r\n\r\n${answer.slice(switches.length, at)}`);
          if (fault === "FIN") wire.fin();
          if (fault === "RST") wire.reset();
        });
        await using front = await fronted(upstream.url, timeouts);
        using client = new RawClient(front.port);
        client.write(asks);
        const how = await client.ended;
        // A FIN ends one direction, as it came.
        client.socket.end();
        return `${client.received.slice(9, 12)} ${at < switches.length ? "" : client.body} ${how}`;
      };
      const [refused, how] = { FIN: [502, "FIN"], RST: [502, "ECONNRESET"], stall: [504, "ECONNRESET"] }[fault];
      const places = everyPlace(answer);
      const seen = await Promise.all(places.map(cutAt));
      expect(seen).toEqual(
        places.map((at) =>
          at < switches.length ? `${refused}  FIN` : `101 ${answer.slice(switches.length, at)} ${how}`,
        ),
      );
    },
    60_000,
  );

  test.each(["FIN", "RST"] as const)(
    "and that its client cuts by %s behind every byte is cut for the upstream in the same way, behind what came",
    async (fault) => {
      await using _leaks = leakCounter();
      const sent = `${asks}some words`;
      for (const at of everyPlace(sent)) {
        const heard = Promise.withResolvers<string>();
        let how = "FIN";
        await using upstream = await rawServer(async (wire) => {
          wire.socket.once("error", ({ code }: NodeJS.ErrnoException) => (how = code as string));
          await wire.request();
          await wire.write(switches);
          heard.resolve(await wire.bytes(sent.length));
          wire.fin();
        });
        await using front = await fronted(upstream.url, {});
        using client = new RawClient(front.port);
        client.write(sent.slice(0, at));
        if (at >= asks.length) await client.until("HTTP/1.1 101 ");
        leave(client.socket, fault);
        await client.ended;
        for (const wire of upstream.wires) await wire.closed;
        if (at < asks.length) {
          expect([at, upstream.wires.length]).toEqual([at, 0]);
          continue;
        }
        const words = sent.slice(asks.length, at);
        // A reset takes with it what was on its way.
        if (fault === "RST") expect([at, how, words.startsWith(await heard.promise)]).toEqual([at, "ECONNRESET", true]);
        else expect([at, how, await heard.promise]).toEqual([at, "FIN", words]);
      }
    },
    60_000,
  );
});

test("a client that was gone before the relay was called costs the upstream nothing", async () => {
  await using _leaks = leakCounter();
  await using upstream = await rawServer(async (wire) => {
    await wire.request();
    await wire.write(bodies.chunked.slice(0, -5));
  });
  const failures: unknown[] = [];
  await using passing = relay(upstream.url, { onFailure: (error) => failures.push(error) });
  const called = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    response.once("close", () => {
      passing(request, response);
      called.resolve();
    });
    socket.destroy();
  });
  await using front = await listening(server);
  const socket = connect({ port: front.port, host: "127.0.0.1" }).on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await called.promise;
  // Resolves when every exchange is over.
  await passing.close();
  expect([upstream.wires.length, failures]).toEqual([0, []]);
});

/** All of the body, or what came of it; pieces may be joined on the way. */
async function requestBody(wire: RawWire): Promise<string> {
  let heard = "";
  while (!heard.endsWith("0\r\n\r\n")) {
    const byte = await wire.bytes(1);
    if (byte === "") break;
    heard += byte;
  }
  return heard;
}

/** What stands in chunks; what is in none as it is. */
function dechunked(body: string): string {
  return body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, "").replace(/\r\n/g, "");
}

function received(body: string, framing: "chunked" | "length"): string {
  if (framing === "length") return body;
  const [, first = "", rest = ""] = /^4\r\n(.{0,4})(.*)$/s.exec(body) ?? [];
  const [, second = ""] = /^\r\n3\r\n(.{0,3})/s.exec(rest) ?? [];
  return first + second;
}

function everyPlace(text: string): number[] {
  return Array.from({ length: text.length + 1 }, (_, index) => index);
}

async function fronted(upstream: string, timeouts: { headersMs?: number; idleMs?: number }) {
  const passing = relay(upstream, { timeouts });
  const server = createServer(passing).on("upgrade", passing.upgrade);
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      await close();
      await passing.destroy();
    },
  };
}

/** Sends and reads to the end; with a fault leaves when all was sent. */
async function conversation(port: number, sent: string, fault?: "FIN" | "RST"): Promise<{ text: string }> {
  const socket = connect({ port, host: "127.0.0.1" });
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.write(sent, resolve));
  if (fault) leave(socket, fault);
  await closed;
  return { text };
}

function leave(socket: Socket, fault: "FIN" | "RST"): void {
  if (fault === "RST") socket.resetAndDestroy();
  else socket.end();
}
