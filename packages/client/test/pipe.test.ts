import { Writable } from "node:stream";
import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import { clientOf, settled } from "./client-of.ts";

const ranged = (body: string, from: number) => ({
  status: from === 0 ? 200 : 206,
  framing: "length" as const,
  headers: {
    etag: '"1"',
    "accept-ranges": "bytes",
    "content-length": String(body.length - from),
    ...(from > 0 && { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }),
  },
});

test("a pipe goes on where it was by Range: the bytes in the writable are exact", async () => {
  const body = "0123456789";
  const { client, clock, transport } = clientOf([
    { ...ranged(body, 0), chunks: ["012", "345", { error: new StreamError("reset", "The wire was cut") }] },
    { ...ranged(body, 6), chunks: ["67", "89"] },
  ]);
  let text = "";
  const writable = new WritableStream<Uint8Array>({
    write(chunk) {
      text += new TextDecoder().decode(chunk);
    },
  });
  const piping = client.pipe("/image", writable, { headers: { "x-a": "1" } });
  await clock.advance(1_000);
  expect(await settled(piping, clock)).toMatchObject({ code: "complete", bytes: 10, cursor: 10, attempts: 2 });
  expect(text).toBe("0123456789");
  expect(transport.requests[1]?.headers).toMatchObject({ range: "bytes=6-", "if-range": '"1"', "x-a": "1" });
  await client.close();
});

test("close() of the client ends a pipe as closed, and its writable as broken", async () => {
  const { client, clock } = clientOf([{ chunks: ["a", "stall"] }]);
  const writable = new Writable({ write: (_chunk, _encoding, taken) => taken() });
  const piping = client.pipe("/image", writable);
  await clock.advance(0);
  expect(client.stats().streams).toBe(1);
  await client.close();
  expect(await piping).toMatchObject({ code: "closed" });
  expect([writable.destroyed, writable.writableFinished, client.stats().streams]).toEqual([true, false, 0]);
});

test("a bad option of a pipe rejects, and nothing is sent", async () => {
  const { client, transport } = clientOf([]);
  await expect(client.pipe("/image", 1 as unknown as Writable)).rejects.toThrow(
    new TypeError("A pipe leads into a WritableStream or a Writable of Node, not 1"),
  );
  await expect(client.pipe("/image", new WritableStream(), { saveMs: -1 })).rejects.toThrow(RangeError);
  await client.close();
  await expect(client.pipe("/image", new WritableStream())).rejects.toThrow("This client is closed");
  expect(transport.requests.length).toBe(0);
});
