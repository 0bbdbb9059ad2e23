import { expect, test } from "vitest";
import { Body } from "../src/body.ts";

function bodyOnWire(ownsReads = false) {
  const calls: string[] = [];
  const wire = {
    pause: () => calls.push("pause"),
    resume: () => calls.push("resume"),
    release: () => calls.push("release"),
  };
  const body = new Body(wire, ownsReads);
  return { body, calls, pull: () => body.next().then(({ value }) => value) };
}

const kib = (count: number) => new Uint8Array(count * 1024);

test("the wire is paused at 64 KiB and resumed when the queue is empty", async () => {
  const { body, calls, pull } = bodyOnWire();
  body.push(kib(32));
  body.push(kib(31));
  expect(calls).toEqual([]);
  body.push(kib(1));
  expect(calls).toEqual(["pause"]);
  await pull();
  expect(calls).toEqual(["pause"]);
  await pull();
  expect(calls).toEqual(["pause", "resume"]);
});

test("chunks of one turn that a pull does not take count against the limit", async () => {
  const { body, calls, pull } = bodyOnWire();
  const first = pull();
  for (let index = 0; index < 3; index++) body.push(kib(40));
  expect((await first)?.length).toBe(40 * 1024);
  expect(calls).toEqual(["pause"]);
});

test("a reader that keeps up never pauses the wire", async () => {
  const { body, calls, pull } = bodyOnWire();
  for (let turn = 0; turn < 3; turn++) {
    const piece = pull();
    body.push(kib(64));
    expect((await piece)?.length).toBe(64 * 1024);
  }
  expect(calls).toEqual([]);
});

test("a piece joined of small chunks stays within 64 KiB, and nothing is lost or moved", async () => {
  const { body, pull } = bodyOnWire();
  let sent = 0;
  for (let index = 0; index < 100; index++) body.push(new Uint8Array(1000).fill(sent++));
  body.end();
  const pieces: Uint8Array[] = [];
  for (let piece = await pull(); piece !== undefined; piece = await pull()) pieces.push(piece);
  expect(pieces.map(({ length }) => length)).toEqual([65_000, 35_000]);
  expect(Buffer.concat(pieces).every((byte, at) => byte === Math.floor(at / 1000))).toBe(true);
});

test("a single chunk and a big one are handed out as they are, not copied", async () => {
  const { body, pull } = bodyOnWire();
  const [small, big] = [new Uint8Array(10), kib(32)];
  body.push(small);
  expect(await pull()).toBe(small);
  body.push(small);
  body.push(big);
  expect(await pull()).toBe(small);
  expect(await pull()).toBe(big);
});

test("a joined piece has a slab of its own", async () => {
  const { body, pull } = bodyOnWire();
  body.push(new Uint8Array(10));
  body.push(new Uint8Array(10));
  expect((await pull())?.buffer.byteLength).toBe(20);
});

test("chunks come before the error, the error once, then the end", async () => {
  const { body, pull } = bodyOnWire();
  const broken = new Error("broken");
  body.push(new Uint8Array(1));
  body.fail(broken);
  expect((await pull())?.length).toBe(1);
  await expect(pull()).rejects.toBe(broken);
  expect(await pull()).toBeUndefined();
});

test("an end settles a pull that waits, and what comes after it is not taken", async () => {
  const { body, pull } = bodyOnWire();
  const waiting = pull();
  body.end();
  body.push(new Uint8Array(1));
  body.fail(new Error("late"));
  expect(await waiting).toBeUndefined();
  expect(await pull()).toBeUndefined();
});

test("a chunk and an end in one turn settle a waiting pull with the chunk", async () => {
  const { body, pull } = bodyOnWire();
  const waiting = pull();
  body.push(new Uint8Array(1));
  body.end();
  expect((await waiting)?.length).toBe(1);
  expect(await pull()).toBeUndefined();
});

test("a cut drops what is queued and settles a waiting pull with its reason", async () => {
  const { body, pull } = bodyOnWire();
  const waiting = pull();
  body.cut("gone");
  await expect(waiting).rejects.toBe("gone");
  expect(await pull()).toBeUndefined();
});

test("a cut in the turn of a chunk wins", async () => {
  const { body, pull } = bodyOnWire();
  const waiting = pull();
  body.push(new Uint8Array(1));
  body.cut(undefined);
  expect(await waiting).toBeUndefined();
});

test("a second pull while one waits is a TypeError, and the first still gets its chunk", async () => {
  const { body, pull } = bodyOnWire();
  const waiting = pull();
  await expect(pull()).rejects.toThrow(TypeError);
  body.push(new Uint8Array(1));
  expect((await waiting)?.length).toBe(1);
});

test("a second iteration is a TypeError", () => {
  const { body } = bodyOnWire();
  body[Symbol.asyncIterator]();
  expect(() => body[Symbol.asyncIterator]()).toThrow(TypeError);
});

test("leaving the loop releases the wire", async () => {
  const { body, calls } = bodyOnWire();
  body.push(new Uint8Array(1));
  for await (const _ of body) break;
  expect(calls).toEqual(["release"]);
});

test.each([true, false])(
  "a chunk given back is emptied where its read ends with it: reads are the body's own: %s",
  async (own) => {
    const { body, pull } = bodyOnWire(own);
    const [read, small] = [kib(160), kib(16)];
    // What comes behind the second is not here yet, but in the same memory.
    for (const chunk of [read.subarray(10, 64 * 1024), read.subarray(64 * 1024, 100 * 1024)]) body.push(chunk);
    for (const length of [64 * 1024 - 10, 36 * 1024]) {
      const chunk = (await pull()) as Uint8Array;
      body.giveBack(chunk);
      expect(chunk.length).toBe(length);
    }
    body.push(read.subarray(100 * 1024 + 2));
    const last = (await pull()) as Uint8Array;
    body.giveBack(last);
    expect([last.length, read.length]).toEqual(own ? [0, 0] : [60 * 1024 - 2, 160 * 1024]);
    body.push(small);
    body.giveBack((await pull()) as Uint8Array);
    expect(small.length).toBe(16 * 1024);
  },
);
