import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { systemClock } from "@longwire/core";
import { describe, expect, test } from "vitest";
import { longwire } from "../src/longwire.ts";

describe("a wrong command line exits 2 and says what is wrong", () => {
  const url = "http://127.0.0.1:1/";
  test.each([
    [["frob"], "unknown command 'frob'"],
    [["tail"], "missing required argument 'url'"],
    [["tail", url, url], "too many arguments"],
    [["tail", url, "--frob"], "unknown option '--frob'"],
    [["tail", url, "--as", "xml"], "Allowed choices are auto, sse, ndjson, json-seq, lines, bytes"],
    [["tail", url, "--output", "xml"], "Allowed choices are pretty, json, data, raw"],
    [["tail", url, "--idle", "30"], '"30" is no duration'],
    [["tail", url, "--max", "0"], "a whole number from 1 up"],
    [["tail", url, "--retries", "-1"], "a whole number from 0 up"],
    [["tail", url, "--retries", "many"], "a whole number from 0 up"],
    [["tail", "/events"], "it is relative"],
    [["tail", "ftp://a.example/"], "http:// or https://"],
    [["tail", url, "-X", "GE T"], "method must be a token"],
    [["tail", url, "-H", "no colon"], "-H needs a name, a colon and a value"],
    [["tail", url, "-H", "bad name: x"], "is no header name"],
    [["tail", url, "-u", "ops"], "-u needs a name, a colon and a password"],
    [["tail", url, "-d", "@no-such-file.json"], 'Cannot read "no-such-file.json"'],
    [["tail", url, "--as", "lines", "--since", "5"], "--since does nothing with --as lines"],
    [["tail", url, "--as", "bytes", "--cursor", "seq"], "--cursor does nothing with --as bytes"],
    [["tail", url, "--as", "bytes", "--since", "-5"], 'a whole number of bytes from 0 up, not "-5"'],
    [["tail", url, "--as", "bytes", "--since", "9007199254740992"], "a whole number of bytes from 0 up"],
    [["tail", url, "--as", "bytes", "--until", "x"], "--until does nothing with --as bytes"],
    [["tail", url, "--cursor", "seq"], "--cursor-param NAME"],
    [["tail", url, "--cursor-param", "since"], "--cursor FIELD"],
    [["tail", url, "--as", "ndjson", "--since", "5"], "--since needs --cursor FIELD and --cursor-param NAME"],
    [["tail", url, "--as", "json-seq", "--since", "5"], "here: json-seq itself has no resume point"],
  ])("%j", async (words, message) => {
    const { code, stdout, stderr } = await run(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^Try: longwire( tail)? --help$/m);
  });

  test("without a command it shows all of them", async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("tail [options] <url>");
  });

  test("and repeats no secret", async () => {
    for (const words of [
      ["tail", "ftp://ops:hunter2@a.example/?token=hunter2"],
      ["tail", "http://127.0.0.1:1/", "-H", "hunter2"],
      ["tail", "http://127.0.0.1:1/", "-H", "authorization: hunter2\u0000"],
      ["tail", "http://127.0.0.1:1/", "-u", "hunter2"],
    ]) {
      const { code, stderr } = await run(words);
      expect(code).toBe(2);
      expect(stderr).not.toContain("hunter2");
    }
  });
});

describe("what is asked of it exits 0 and goes to stdout", () => {
  test("--version is that of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await run(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("tail --help has every option, the forms of output and the exit codes", async () => {
    const { code, stdout, stderr } = await run(["tail", "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const option of [
      "--as",
      "-H",
      "-X",
      "-d",
      "-u",
      "--max",
      "--idle",
      "--retries",
      "--until",
      "--since",
      "--cursor",
      "--output",
      "-q",
    ]) {
      expect(stdout).toContain(` ${option}`);
    }
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("or a byte offset with --as bytes");
    expect(stdout).toMatch(/^ {2}130 {2}interrupted/m);
    expect(stdout).toMatch(/^ {2}pretty {2}for people/m);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});

describe("help that cannot be printed", () => {
  const failing = (code: string): PassThrough =>
    new PassThrough({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: write`), { code })),
    });

  test.each([[["--help"]], [["--version"]], [["help", "tail"]], [["serve", "--help"]]])(
    "%j: for want of a reader is 0, for another reason 1 and said",
    async (words) => {
      expect(await run(words, failing("EPIPE"))).toEqual({ code: 0, stdout: "", stderr: "" });
      const stderr = "longwire: Cannot write to stdout: ENOSPC: write\n";
      expect(await run(words, failing("ENOSPC"))).toEqual({ code: 1, stdout: "", stderr });
    },
  );
});

async function run(
  words: readonly string[],
  stdout: PassThrough = new PassThrough({ encoding: "utf8" }),
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stderr = new PassThrough({ encoding: "utf8" });
  const interrupted = new AbortController().signal;
  const code = await longwire(words, {
    stdin: () => new PassThrough(),
    stdout,
    stderr,
    clock: systemClock,
    interrupted,
  });
  return { code, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}
