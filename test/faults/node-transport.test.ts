// How every ending on the wire is named by the Node transport, over scripted sockets.

import { once } from "node:events";
import {
  type Framing,
  StreamError,
  StreamRequest,
  type StreamRequestInit,
  type Transport,
  type TransportEvents,
} from "@longwire/core";
import { type NodeTransport, nodeTransport } from "@longwire/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunked, type RawWire, rawServer } from "./raw-server.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

/** What became of a GET: the text that arrived, and how it ended. */
async function ending(url: string): Promise<{ text: string; framing?: Framing; code: string; message?: string }> {
  let text = "";
  let framing: Framing | undefined;
  try {
    const response = await send(transport, { url });
    framing = response.framing;
    for await (const chunk of response.body) text += Buffer.from(chunk).toString();
    return { text, framing, code: "end" };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    return { text, ...(framing && { framing }), code: error.code, message: error.message };
  }
}

function send(through: Transport, init: StreamRequestInit, on?: TransportEvents): ReturnType<Transport> {
  return through(new StreamRequest(init), { signal: new AbortController().signal, on });
}

/** A connection's whole life: one request, these bytes, this end. */
function once_(bytes: string, end: "fin" | "reset") {
  return async (wire: RawWire): Promise<void> => {
    await wire.request();
    await wire.write(bytes);
    // A reset throws away what the peer has not read yet: it must have read all before.
    if (end === "reset") await new Promise((resolve) => setImmediate(resolve));
    wire[end]();
  };
}

const head = "HTTP/1.1 200 OK\r\n";
const endings: [
  claim: string,
  bytes: string,
  end: "fin" | "reset",
  framing: Framing | undefined,
  code: string,
  text: string,
][] = [
  [
    "a FIN inside a chunked body is truncated",
    `${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}`,
    "fin",
    "chunked",
    "truncated",
    "one",
  ],
  [
    "a FIN inside a chunk is truncated",
    `${head}transfer-encoding: chunked\r\n\r\n9\r\none`,
    "fin",
    "chunked",
    "truncated",
    "one",
  ],
  [
    "a FIN inside a chunked body that said close is truncated",
    `${head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunked("one")}`,
    "fin",
    "chunked",
    "truncated",
    "one",
  ],
  [
    "a RST inside a chunked body is a reset",
    `${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}`,
    "reset",
    "chunked",
    "reset",
    "one",
  ],
  [
    "a RST inside a chunked body that said close is a reset",
    `${head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunked("one")}`,
    "reset",
    "chunked",
    "reset",
    "one",
  ],
  [
    "a FIN short of the content-length is truncated",
    `${head}content-length: 9\r\n\r\none`,
    "fin",
    "length",
    "truncated",
    "one",
  ],
  [
    "a FIN short of the content-length that said close is truncated",
    `${head}connection: close\r\ncontent-length: 9\r\n\r\none`,
    "fin",
    "length",
    "truncated",
    "one",
  ],
  [
    "a RST short of the content-length is a reset",
    `${head}content-length: 9\r\n\r\none`,
    "reset",
    "length",
    "reset",
    "one",
  ],
  ["a FIN ends a close-delimited body cleanly", `${head}\r\none`, "fin", "close", "end", "one"],
  ["a RST under a close-delimited body is a reset", `${head}\r\none`, "reset", "close", "reset", "one"],
  [
    "a whole chunked body is an end",
    `${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}${chunked("")}`,
    "fin",
    "chunked",
    "end",
    "one",
  ],
  ["a FIN before the head is truncated", "", "fin", undefined, "truncated", ""],
  ["a FIN inside the head is truncated", `${head}content-le`, "fin", undefined, "truncated", ""],
  ["a RST before the head is a reset", "", "reset", undefined, "reset", ""],
  ["an answer that is not HTTP is protocol", "SSH-2.0-OpenSSH_9.2\r\n", "fin", undefined, "protocol", ""],
  [
    "a chunk size that is no number is protocol",
    `${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}zz\r\n`,
    "fin",
    "chunked",
    "protocol",
    "one",
  ],
  [
    "an upgrade that nobody asked for is protocol",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: tcp\r\n\r\n",
    "fin",
    undefined,
    "protocol",
    "",
  ],
  [
    "an interim answer is no head",
    `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${head}content-length: 3\r\n\r\none`,
    "fin",
    "length",
    "end",
    "one",
  ],
  ["a 204 has an empty body that is whole", "HTTP/1.1 204 No Content\r\n\r\n", "fin", "length", "end", ""],
];

test.each(endings)("%s", async (_claim, bytes, end, framing, code, text) => {
  await using server = await rawServer(once_(bytes, end));
  const seen = await ending(`${server.url}/?token=secret`);
  expect({ ...seen, message: undefined }).toEqual({ text, ...(framing && { framing }), code, message: undefined });
  if (code !== "end") expect(seen.message).toContain(`Cannot read ${server.url}/?token=***: `);
});

test("a head over the limit is protocol", async () => {
  await using server = await rawServer(once_(`${head}${`x-filler: ${"x".repeat(1000)}\r\n`.repeat(100)}\r\n`, "fin"));
  expect((await ending(server.url)).code).toBe("protocol");
});

test("an error in the body tells how many bytes came before it", async () => {
  await using server = await rawServer(once_(`${head}content-length: 9\r\n\r\none`, "fin"));
  expect((await ending(server.url)).message).toContain("after 3 bytes of the body");
});

test("header values of one name are joined, set-cookie too, and read in any letter case", async () => {
  const fields = "Set-Cookie: a=1\r\nset-cookie: b=2\r\nVia: 1.1 caf\xe9\r\nconstructor: x\r\n";
  await using server = await rawServer(async (wire) => {
    await wire.request();
    await wire.write(Buffer.from(`${head}${fields}content-length: 0\r\n\r\n`, "latin1"));
  });
  const { headers } = await send(transport, { url: server.url });
  expect([headers.get("SET-cookie"), headers.get("via"), headers.get("constructor")]).toEqual([
    "a=1, b=2",
    "1.1 caf\xe9",
    "x",
  ]);
  expect([headers.get("x-none"), headers.get("toString"), headers.get("__proto__")]).toEqual([null, null, null]);
  expect([...headers]).toContainEqual(["set-cookie", "a=1, b=2"]);
});

describe("a reused socket that the server closes", () => {
  /** The first connections answer once and die when the next request comes; the others answer always. */
  const dying = (count: number, how: "fin" | "reset", requests: string[]) => async (wire: RawWire) => {
    for (let turn = 0; ; turn++) {
      if (turn === 1 && wire.index < count) {
        await wire.anything();
        return wire[how]();
      }
      const request = await wire.request();
      if (request === undefined) return;
      requests.push(request);
      const length = /content-length: (\d+)/.exec(request)?.[1] ?? "0";
      requests.push(await wire.bytes(Number(length)));
      await wire.write(`${head}content-length: 2\r\n\r\nok`);
    }
  };
  const drained = async (response: Awaited<ReturnType<Transport>>): Promise<void> => {
    for await (const _ of response.body);
  };

  test.each(["fin", "reset"] as const)("is replaced and the request sent once more (%s)", async (how) => {
    const requests: string[] = [];
    await using server = await rawServer(dying(1, how, requests));
    await drained(await send(transport, { url: `${server.url}/1` }));
    const calls: unknown[] = [];
    const on = {
      hidden: () => calls.push("hidden"),
      connected: (info: object) => calls.push(info),
      sent: () => calls.push("sent"),
    };
    const second = await send(transport, { url: `${server.url}/2` }, on);
    await drained(second);
    expect(second.status).toBe(200);
    expect(server.wires.length).toBe(2);
    expect(requests.map((text) => text.split(" ")[1]).filter(Boolean)).toEqual(["/1", "/2"]);
    expect(calls).toEqual([{ reused: true }, "sent"]);
  });

  test("costs one resend, though the pool has another dead socket to offer", async () => {
    let close = (): void => {};
    await using server = await rawServer(async (wire) => {
      const chunkedHead = `${head}transfer-encoding: chunked\r\n\r\n`;
      const path = (await wire.request())?.split(" ")[1];
      if (path !== "/long") await wire.write(`${chunkedHead}${chunked("")}`);
      else await wire.write(chunkedHead);
      if (path === "/again") return;
      if (path === "/short") {
        // The request comes here while /long is open; by the time this socket closes, that of /long is idle and the first in the pool.
        await wire.anything();
        await Promise.all([new Promise<void>((resolve) => (close = resolve)), server.wires[0]?.write(chunked(""))]);
        return wire.fin();
      }
      await wire.anything();
      wire.fin();
    });
    const long = await send(transport, { url: `${server.url}/long` });
    await drained(await send(transport, { url: `${server.url}/short` }));
    const again = send(transport, { url: `${server.url}/again` });
    await drained(long);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    close();
    expect((await again).status).toBe(200);
    expect(server.wires.length).toBe(3);
  });

  test("fails a request that may not be replayed", async () => {
    const requests: string[] = [];
    await using server = await rawServer(dying(1, "fin", requests));
    await drained(await send(transport, { url: server.url }));
    const error = await send(transport, { url: server.url, method: "POST", body: "x" }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: "truncated" });
    expect(server.wires.length).toBe(1);
  });

  test("has a replayable body made anew", async () => {
    const requests: string[] = [];
    await using server = await rawServer(dying(1, "reset", requests));
    await drained(await send(transport, { url: server.url }));
    let made = 0;
    const body = (): string => `body ${++made}`;
    await drained(await send(transport, { url: server.url, method: "POST", body, replayable: true }));
    expect(requests.at(-1)).toBe("body 2");
  });

  test("is not asked twice after a byte of the answer", async () => {
    await using server = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(`${head}content-length: 0\r\n\r\n`);
      await wire.request();
      await wire.write("HTTP/1.1 2");
      wire.fin();
    });
    await drained(await send(transport, { url: server.url }));
    expect((await ending(server.url)).code).toBe("truncated");
    expect(server.wires.length).toBe(1);
  });

  test("is no matter to a request of which nothing was written, replayable or not", async () => {
    let sent = "";
    await using server = await rawServer(async (wire) => {
      await wire.request();
      if (wire.index > 0) sent = await wire.bytes("4\r\nonce\r\n0\r\n\r\n".length);
      await wire.write(`${head}content-length: 0\r\n\r\n`);
      if (wire.index === 0 && (await wire.anything())) throw new Error("the idle socket was used");
    });
    await drained(await send(transport, { url: server.url }));
    const wire = server.wires[0] as RawWire;
    wire.reset();
    await once(wire.socket, "close");
    // The reset is on its way and not yet read: the request is queued for the old socket, and meets it there.
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("once");
    }
    const again = await send(transport, { url: server.url, method: "POST", body: source() });
    expect(again.status).toBe(200);
    expect(server.wires.length).toBe(2);
    expect(sent).toBe("4\r\nonce\r\n0\r\n\r\n");
  });

  test("a first request on a new socket is never sent twice", async () => {
    await using server = await rawServer(async (wire) => {
      await wire.request();
      wire.fin();
    });
    expect((await ending(server.url)).code).toBe("truncated");
    expect(server.wires.length).toBe(1);
  });
});

describe("chunks", () => {
  test("that come in one read settle a waiting pull as one piece", async () => {
    let go = (): void => {};
    const gate = (): Promise<void> => new Promise((resolve) => (go = resolve));
    await using server = await rawServer(async (wire) => {
      await wire.request();
      const first = gate();
      await wire.write(`${head}transfer-encoding: chunked\r\n\r\n`);
      await first;
      const second = gate();
      await wire.write(chunked("a") + chunked("b") + chunked("c"));
      await second;
      await wire.write(chunked("d") + chunked("e") + chunked(""));
    });
    const response = await send(transport, { url: server.url });
    const pieces = response.body[Symbol.asyncIterator]();
    for (const expected of ["abc", "de"]) {
      const piece = pieces.next();
      go();
      expect(Buffer.from((await piece).value as Uint8Array).toString()).toBe(expected);
    }
    expect((await pieces.next()).done).toBe(true);
  });

  test("that came before the first pull are kept and come out as one piece", async () => {
    await using server = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(`${head}transfer-encoding: chunked\r\n\r\n${chunked("a")}${chunked("b")}${chunked("")}`);
    });
    const response = await send(transport, { url: server.url });
    const pieces: string[] = [];
    for await (const piece of response.body) pieces.push(Buffer.from(piece).toString());
    expect(pieces).toEqual(["ab"]);
  });

  test("that are big come out as they are, beside small ones that are joined", async () => {
    const big = "x".repeat(40_000);
    await using server = await rawServer(async (wire) => {
      await wire.request();
      const body = [chunked("a"), chunked("b"), chunked(big), chunked("c"), chunked("d"), chunked("")].join("");
      await wire.write(`${head}transfer-encoding: chunked\r\n\r\n${body}`);
    });
    const response = await send(transport, { url: server.url });
    const pieces: string[] = [];
    for await (const piece of response.body) pieces.push(Buffer.from(piece).toString());
    expect(pieces).toEqual(["ab", big, "cd"]);
  });

  test.each([
    ["a FIN ends it cleanly", "fin", "end"],
    ["a RST breaks it", "reset", "reset"],
  ] as const)("of a close-delimited body wait for a slow reader, and then %s", async (_claim, how, expected) => {
    const totalBytes = 8 * 1024 * 1024;
    await using server = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(`${head}\r\n`);
      const written = wire.write(Buffer.alloc(totalBytes));
      if (how === "fin") return wire.fin();
      await written;
      wire.reset();
    });
    const response = await send(transport, { url: server.url });
    for (let turn = 0; turn < 1_000; turn++) await new Promise((resolve) => setImmediate(resolve));
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of response.body) bytes += chunk.length;
    })();
    if (expected === "end") {
      await reading;
      expect(bytes).toBe(totalBytes);
    } else {
      await expect(reading).rejects.toMatchObject({ code: "reset" });
    }
  });

  test("received before a break are handed out before the error", async () => {
    await using server = await rawServer(once_(`${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}`, "reset"));
    const response = await send(transport, { url: server.url });
    await (server.wires[0] as RawWire).closed;
    await new Promise((resolve) => setImmediate(resolve));
    const pieces = response.body[Symbol.asyncIterator]();
    expect(Buffer.from((await pieces.next()).value as Uint8Array).toString()).toBe("one");
    await expect(pieces.next()).rejects.toMatchObject({ code: "reset" });
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
  });
});
