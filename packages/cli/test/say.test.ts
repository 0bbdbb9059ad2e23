import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { sayOn } from "../src/say.ts";

test("what is said is a word and the rest, and nothing of it looks like a line of ours", () => {
  const stderr = new PassThrough({ encoding: "utf8" });
  sayOn(stderr, false)("red", "cut", "one\n* two\u001b[31m");
  expect(stderr.read()).toBe("* cut    one\n    * two\\x1b[31m\n");
});

test("a quiet one says nothing", () => {
  const stderr = new PassThrough({ encoding: "utf8" });
  sayOn(stderr, true)("red", "cut", "one");
  expect(stderr.read()).toBe(null);
});

test("who does not read it fills no memory, and is told how much was not said", async () => {
  let text = "";
  let read = (): void => {};
  const stderr = new Writable({
    write(piece, _encoding, taken) {
      text += piece;
      read = taken;
    },
  });
  const say = sayOn(stderr, false);
  for (let n = 0; n < 10_000; n++) say("dim", "left", `${n} ${"x".repeat(90)}`);
  expect(stderr.writableLength).toBeLessThan(70_000);
  while (stderr.writableLength > 0) {
    read();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const said = text.split("\n").length - 1;
  say("dim", "left", "the last");
  read();
  expect(text.split("\n").slice(said)).toEqual([
    `* unsaid ${10_000 - said} lines, for what was said before was not read`,
    "* left   the last",
    "",
  ]);
});
