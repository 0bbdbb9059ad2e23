// Connections that a server takes from HTTP, seen from their clients.

import { createServer, type RequestListener, type ServerOptions } from "node:http";
import type { Duplex } from "node:stream";
import { acceptUpgrade, takeOver } from "@longwire/server";
import { nodeTransport } from "@longwire/node";
import { expect, test } from "vitest";
import { listening } from "./listening.ts";
import { RawClient } from "./relay-server.ts";

const upgrade = "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other, Echo/1\r\n";

test("a plain request gives the raw connection, both ways, with half-closes", async () => {
  await using server = await serving((request, response) => {
    const socket = takeOver(request, response);
    socket.write("anything at all;");
    socket.on("data", (chunk) => socket.write(`<${String(chunk)}>`));
    socket.on("end", () => socket.end("bye"));
  });
  using client = new RawClient(server.port);
  await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until("all;");
  // To Node it would be a request.
  await client.write("GET / HTTP/1.1\r\n\r\n").until("\r\n\r\n>");
  client.socket.end();
  expect(await client.ended).toBe("FIN");
  expect(client.received).toBe("anything at all;<GET / HTTP/1.1\r\n\r\n>bye");
});

test("an upgrade gives the early bytes first, and its 101 names the token as the client wrote it", async () => {
  await using server = await serving(
    () => {},
    (wire) => {
      wire.on("data", (chunk) => wire.write(`<${String(chunk)}>`));
      wire.on("end", () => wire.end());
    },
  );
  using client = new RawClient(server.port);
  await client.write(`${upgrade}\r\nearly`).until("<early>");
  await client.write("late").until("<late>");
  client.socket.end();
  await client.ended;
  expect(client.received).toBe(
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: Echo/1\r\nx-more: 1\r\n\r\n<early><late>",
  );
});

test("our client takes over what our server gives up", async () => {
  await using server = await serving(
    () => {},
    (wire) => void wire.pipe(wire),
  );
  await using transport = nodeTransport();
  const { socket } = await transport.takeOver(`http://127.0.0.1:${server.port}/`, { protocol: "echo/1" });
  socket.end("there and back");
  expect(String(Buffer.concat(await socket.toArray()))).toBe("there and back");
});

test("a reset of the client brings nobody down", async () => {
  let onClose = (): void => {};
  const closed = new Promise<void>((resolve) => {
    onClose = resolve;
  });
  await using server = await serving((request, response) => {
    const socket = takeOver(request, response);
    socket.on("close", onClose).resume();
    socket.write("taken");
  });
  using client = new RawClient(server.port);
  await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until("taken");
  client.socket.resetAndDestroy();
  await closed;
});

test("a server that closes, and its clocks, leave a connection alone that was taken", async () => {
  const clocks = { headersTimeout: 20, requestTimeout: 20, keepAliveTimeout: 20, connectionsCheckingInterval: 5 };
  const http = createServer(clocks, (request, response) => {
    if (request.url === "/first") return void response.end("first;");
    const socket = takeOver(request, response);
    socket.write("taken;");
    return void socket.on("data", (chunk) => socket.write(`<${String(chunk)}>`));
  });
  http.timeout = 20;
  await using server = await listening(http);
  using client = new RawClient(server.port);
  await client.write("GET /first HTTP/1.1\r\nHost: x\r\n\r\n").until("first;");
  await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until("taken;");
  // When they have run out for a connection that came later, they have for this one.
  using later = new RawClient(server.port);
  await later.ended;
  await client.write("still here").until("<still here>");
  http.close();
  await client.write("and here").until("<and here>");
});

test.each(["plain", "upgrade"])(
  "what a client sends in advance brings nobody down, and gets into no answer: a %s request behind one that was taken",
  async (kind) => {
    const asked: unknown[] = [];
    await using server = await serving(
      (request, response) => {
        asked.push(request.url);
        if (request.url !== "/") return void response.end("an answer to somebody else");
        const socket = takeOver(request, response);
        socket.write("taken;");
        socket.on("data", (chunk) => socket.write(`<${String(chunk)}>`));
        return void socket.on("end", () => socket.end("bye"));
      },
      (wire) => wire.end("switched"),
    );
    using client = new RawClient(server.port);
    const behind = kind === "plain" ? "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n" : `${upgrade}\r\n`;
    await client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${behind}`).until("taken;");
    await client.write("more").until("<more>");
    client.socket.end();
    await client.ended;
    expect(client.received).toBe("taken;<more>bye");
    expect(asked[0]).toBe("/");
  },
);

test.each(["plain", "upgrade"])(
  "a %s request behind one that is not answered yet cannot be taken over",
  async (kind) => {
    const refused = Promise.withResolvers<string>();
    const http = createServer((request, response) => {
      if (request.url === "/") return void refused.promise.then(() => response.end("the answer"));
      return attempt(() => takeOver(request, response));
    }).on("upgrade", (request, socket, head) => {
      attempt(() => acceptUpgrade("echo/1", request, socket, head).write("in its midst"));
    });
    function attempt(take: () => unknown): void {
      try {
        take();
      } catch (error) {
        refused.resolve(String(error));
      }
    }
    await using server = await listening(http);
    using client = new RawClient(server.port);
    const behind = kind === "plain" ? "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n" : `${upgrade}\r\n`;
    await client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${behind}`).until("the answer");
    expect(await refused.promise).toMatch(/an answer to a request before is yet to be sent/);
    expect(client.received).not.toContain("101");
  },
);

test("a connection that was taken has no listeners on it but the one for errors, and Node's that let its parser go", async () => {
  const names = Promise.withResolvers<unknown[]>();
  await using server = await serving(
    (request, response) => {
      const socket = takeOver(request, response);
      names.resolve(socket.eventNames());
      socket.end();
    },
    () => {},
  );
  using client = new RawClient(server.port);
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  expect((await names.promise).map(String).sort()).toEqual(["close", "drain", "error"]);
});

test.each([
  ["a request with a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", /has a body/],
  ["an answer that has begun", "GET /begun HTTP/1.1\r\nHost: x\r\n\r\n", /has begun/],
])("%s cannot be taken over", async (_what, sent, why) => {
  await using server = await serving((request, response) => {
    if (request.url === "/begun") response.flushHeaders();
    try {
      takeOver(request, response);
    } catch (error) {
      response.end(String(error));
    }
  });
  using client = new RawClient(server.port);
  await client.write(sent).until(why);
});

test.each([
  ["another protocol", "websocket", {}, /asked for \["other","Echo\/1"\]/, upgrade],
  ["a header that would be two", "echo/1", { "x-a": "1\r\nx-b: 2" }, /Invalid character/, upgrade],
  ["a name that would be two", "echo/1", { "x-a: 1\r\nx-b": "2" }, /valid HTTP token/, upgrade],
  ["what HTTP/1.0 asks for", "echo/1", {}, /HTTP\/1.0/, upgrade.replace("HTTP/1.1", "HTTP/1.0")],
])("%s is not switched to, and nothing is sent", async (_what, protocol, headers, why, sent) => {
  let message = "";
  const http = createServer().on("upgrade", (request, socket, head) => {
    try {
      acceptUpgrade(protocol, request, socket, head, headers);
    } catch (error) {
      message = String(error);
      socket.end();
    }
  });
  await using server = await listening(http);
  using client = new RawClient(server.port);
  client.write(`${sent}\r\n`);
  await client.ended;
  expect(message).toMatch(why);
  expect(client.received).toBe("");
});

function serving(plain: RequestListener, upgraded?: (wire: Duplex) => void, options: ServerOptions = {}) {
  const server = createServer(options, plain);
  if (upgraded) {
    server.on("upgrade", (request, socket, head) => {
      try {
        upgraded(acceptUpgrade("echo/1", request, socket, head, { "x-more": "1" }));
      } catch {
        // The connection is somebody else's.
      }
    });
  }
  return listening(server);
}
