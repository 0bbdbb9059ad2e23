// Answers of a server of one's own, broken by plan: what becomes of the body when nobody is there for it.

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { type Answer, answerByPlan, type FaultPlan } from "@longwire/testing";
import { describe, expect, it } from "vitest";
import { listening } from "./listening.ts";
import { getRequest, peer, turns } from "./peer.ts";

/** A server whose every answer is this one; `failed` is what it threw. */
async function answering(answer: Answer | (() => Answer), plan: FaultPlan = {}) {
  const ended: unknown[] = [];
  const server = createServer((request, response) => {
    answerByPlan(request, response, answer, plan).then(
      () => ended.push("over"),
      (error: unknown) => ended.push(error),
    );
  });
  return Object.assign(await listening(server), { ended });
}

/** Bodies whose first piece never comes, and that tell when they are let go. */
const silent: readonly [kind: string, body: (letGo: () => void) => NonNullable<Answer["body"]>][] = [
  ["an iterable", (letGo) => ({ [Symbol.asyncIterator]: () => ({ next: never, return: async () => over(letGo) }) })],
  ["a stream of the web", (letGo) => new ReadableStream<Uint8Array>({ pull: never, cancel: letGo })],
  [
    "a stream of Node",
    (letGo) =>
      new Readable({
        read() {},
        destroy(_error, done) {
          letGo();
          done(null);
        },
      }),
  ],
];

describe.each(silent)("%s that is waited for", (_kind, body) => {
  it.each<[string, FaultPlan]>([
    ["at once", {}],
    ["also when the plan asked nothing of it", { stall: 0 }],
  ])("is let go when the reader leaves, %s", async (_when, plan) => {
    let letGo = false;
    await using server = await answering({ body: body(() => (letGo = true)) }, plan);
    await using client = await peer(server.port);
    await client.until(1);
    await turns();
    expect(letGo).toBe(false);
    client.socket.destroy();
    while (server.ended.length === 0) await turns(1);
    await turns(1);
    expect([server.ended, letGo]).toEqual([["over"], true]);
  });

  it("is let go for HEAD, which is answered by the head alone", async () => {
    let letGo = false;
    await using server = await answering({ body: body(() => (letGo = true)) });
    await using client = await peer(server.port, getRequest.replace("GET", "HEAD"));
    while (server.ended.length === 0) await turns(1);
    await client.until(1);
    expect([server.ended, letGo]).toEqual([["over"], true]);
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
  });
});

describe("a function that makes the answer", () => {
  const refused = (): Answer => {
    throw new Error("asked");
  };

  it.each<[FaultPlan, string]>([
    [{ status: 503 }, "HTTP/1.1 503 Service Unavailable"],
    [{ retryAfter: 7 }, "HTTP/1.1 503 Service Unavailable"],
    [{ blackhole: true }, ""],
  ])("is not asked where %j answers", async (plan, line) => {
    await using server = await answering(refused, plan);
    await using client = await peer(server.port);
    await client.until(line.length);
    await turns();
    expect([client.text.split("\r\n")[0], client.state]).toEqual([line, "open"]);
  });

  it("is asked once; when it throws the connection is reset", async () => {
    await using good = await answering(() => ({ body: "good" }));
    expect(await fetch(`http://127.0.0.1:${good.port}/`).then((answer) => answer.text())).toBe("good");
    await using bad = await answering(refused);
    await using client = await peer(bad.port);
    expect(await client.ended).toBe("RST");
    expect(bad.ended).toEqual([new Error("asked")]);
  });
});

it("a plan that is none is an error, and resets the connection", async () => {
  await using server = await answering({ body: "good" }, { cutAfter: Number.NaN });
  await using client = await peer(server.port);
  expect(await client.ended).toBe("RST");
  expect(server.ended).toEqual([expect.objectContaining({ message: expect.stringContaining("cutAfter must be") })]);
});

function never(): Promise<never> {
  return new Promise(() => {});
}

function over(letGo: () => void): IteratorReturnResult<undefined> {
  letGo();
  return { done: true, value: undefined };
}
