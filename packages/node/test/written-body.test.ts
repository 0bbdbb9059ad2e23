import { expect, test } from "vitest";
import { WrittenBody } from "../src/written-body.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

test("what was written before the first pull comes in order; each write settles when the next is asked for", async () => {
  const body = new WrittenBody();
  const settled: string[] = [];
  void body.write(bytes("one")).then(() => settled.push("one"));
  void body.write(bytes("two")).then(() => settled.push("two"));
  void body.end().then(() => settled.push("end"));
  expect(await body.next()).toEqual({ done: false, value: bytes("one") });
  expect(settled).toEqual([]);
  expect(await body.next()).toEqual({ done: false, value: bytes("two") });
  expect(settled).toEqual(["one"]);
  expect(await body.next()).toEqual({ done: true, value: undefined });
  expect(settled).toEqual(["one", "two", "end"]);
});

test("a failure rejects what waits, in hand or not, and all that comes after; the first reason counts", async () => {
  const body = new WrittenBody();
  const [inHand, waiting, ending] = [body.write(bytes("one")), body.write(bytes("two")), body.end()];
  await body.next();
  const reason = new Error("over");
  body.fail(reason);
  body.fail(new Error("later"));
  for (const promise of [inHand, waiting, ending, body.write(bytes("three")), body.end()]) {
    await expect(promise).rejects.toBe(reason);
  }
});
