import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { systemClock } from "@longwire/core";
import { describe, expect, test } from "vitest";
import { type TailFlags, tailOptions } from "../../src/tail/tail-options.ts";

describe("-H", () => {
  test("sets headers, joins those of one name, and leaves out what has no value", async () => {
    const header = ["X-One: 1", "accept:", "cookie: a=1", "Cookie: b=2", "x-two:a", "X-Two: b: c"];
    expect((await options({ header })).headers).toEqual({
      "x-one": "1",
      accept: undefined,
      cookie: "a=1; b=2",
      "x-two": "a, b: c",
    });
  });
});

describe("-d", () => {
  test.each([
    ['{"a":1}', "application/json"],
    ["[1]", "application/json"],
    ["a=1&b=2", "application/x-www-form-urlencoded"],
    ["12", "application/x-www-form-urlencoded"],
    ["", "application/x-www-form-urlencoded"],
  ])("%j is sent as %s", async (data, type) => {
    expect(await options({ data })).toMatchObject({ body: data, headers: { "content-type": type } });
  });

  test("has the type that -H says", async () => {
    expect((await options({ data: "x", header: ["Content-Type: text/csv"] })).headers).toEqual({
      "content-type": "text/csv",
    });
  });

  test("@file is the file's bytes, as they are", async () => {
    const folder = await mkdtemp(join(tmpdir(), "longwire-cli-"));
    try {
      await writeFile(join(folder, "body"), "two\r\nlines\n");
      const { body } = await options({ data: `@${join(folder, "body")}` });
      expect(Buffer.from(body as Uint8Array).toString()).toBe("two\r\nlines\n");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("@- is stdin, and an interrupt ends the wait for it", async () => {
    const { body } = await options({ data: "@-" }, "from stdin");
    expect(Buffer.from(body as Uint8Array).toString()).toBe("from stdin");
    const interrupt = new AbortController();
    const stdin = new PassThrough();
    const waiting = tailOptions({ as: "auto", data: "@-" }, { ...world(stdin), interrupted: interrupt.signal });
    interrupt.abort();
    await expect(waiting).rejects.toThrow("aborted");
  });
});

test("--retries 0 makes one attempt; without it there is no end", async () => {
  expect((await options({ retries: 0 })).reconnect).toBe(false);
  expect((await options({ retries: 3 })).reconnect).toEqual({ retries: 3 });
  expect((await options({})).reconnect).toEqual({ retries: undefined });
});

test("--since is where it begins, and without it no resume is declared: a POST stays one that is sent once", async () => {
  expect((await options({ since: "7" })).resume).toEqual({ from: "7" });
  expect((await options({ as: "bytes", since: "7" })).resume).toEqual({ from: "7" });
  expect((await options({})).resume).toBeUndefined();
});

function options(flags: Partial<TailFlags>, input = ""): ReturnType<typeof tailOptions> {
  const stdin = new PassThrough();
  stdin.end(input);
  return tailOptions({ as: "auto", ...flags }, world(stdin));
}

function world(stdin: PassThrough) {
  const stream = new PassThrough();
  return {
    stdin: () => stdin,
    stdout: stream,
    stderr: stream,
    clock: systemClock,
    interrupted: new AbortController().signal,
  };
}
