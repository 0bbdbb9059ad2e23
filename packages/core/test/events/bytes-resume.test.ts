import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { openBytes } from "../../src/open.ts";
import type { StreamOptions } from "../../src/options.ts";
import { fakeClock, type Script, type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";
import { reading } from "../session/stream-of.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz";
const cut = { error: new StreamError("reset", "the connection broke") };
const short = { error: new StreamError("truncated", "the server closed the connection") };

/** The alphabet as a 200, its head by default one that can be gone on with. */
function all(chunks: ScriptedAnswer["chunks"], answer: ScriptedAnswer = {}): ScriptedAnswer {
  return { framing: "length", ...answer, headers: { ...lasting, "content-length": "26", ...answer.headers }, chunks };
}

/** The alphabet from an offset on, as a 206. */
function part(from: number, chunks: ScriptedAnswer["chunks"] = [alphabet.slice(from)], answer: ScriptedAnswer = {}) {
  const headers = { etag: '"v1"', "content-range": `bytes ${from}-25/26`, ...answer.headers };
  return { framing: "length" as const, ...answer, status: 206, headers, chunks };
}

const lasting = { etag: '"v1"', "accept-ranges": "bytes" };

async function run(script: Script, { until, ...options }: StreamOptions<Uint8Array> = {}) {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock });
  const stream = openBytes("https://a.example/iso?key=secret", { clock, random: () => 0, transport, ...options });
  const seen = reading(stream);
  await clock.advance(600_000);
  const outcome = await stream.outcome;
  const text = seen.items.map((chunk) => new TextDecoder().decode(chunk)).join("");
  const asked = transport.requests.map(({ headers: { range, "if-range": ifRange } }) => ({ range, ifRange }));
  const { code, cursor, error } = outcome;
  expect([clock.pending, transport.open]).toEqual([0, 0]);
  return { text, asked, code, cursor, error: error as StreamError | undefined, message: (error as Error)?.message };
}

const whole = { text: alphabet, code: "complete" };
const first = { range: undefined, ifRange: undefined };

test("a broken body goes on behind the last byte handed out, if it is still the same", async () => {
  const seen = await run([all(["abc", "de", cut]), part(5, ["fghij", cut]), part(10)]);
  expect(seen).toMatchObject({ ...whole, cursor: 26 });
  expect(seen.asked).toEqual([first, { range: "bytes=5-", ifRange: '"v1"' }, { range: "bytes=10-", ifRange: '"v1"' }]);
});

test("the resume point is the number of bytes that the consumer finished with", async () => {
  const transport = scriptedTransport([all(["abc", "de"], { headers: { "content-length": "5" } })]);
  const stream = openBytes("https://a.example/iso", { transport });
  const cursors = [];
  for await (const _ of stream) cursors.push(stream.cursor);
  // Asking for the next one finished with the one before.
  expect([...cursors, stream.cursor]).toEqual([undefined, 3, 5]);
});

test.each([
  ["no etag", { etag: "" }],
  ["a weak etag", { etag: 'W/"v1"' }],
  ["no Accept-Ranges", { "accept-ranges": "" }],
  ["Accept-Ranges: none", { "accept-ranges": "none" }],
])("with %s there is no resume point, and what broke after a byte is over", async (_, headers) => {
  const seen = await run([all(["abc", cut], { headers })]);
  expect(seen).toMatchObject({ text: "abc", code: "reset", cursor: undefined });
});

test("what broke before the first byte is asked for anew, whatever it is by then", async () => {
  const seen = await run([all([cut]), all([alphabet], { headers: { etag: '"v2"' } })]);
  expect(seen).toMatchObject({ ...whole, asked: [first, first] });
});

test.each(["POST", "HEAD"])("the answer to a %s has no part", async (method) => {
  const seen = await run([all(["abc", cut])], { method, replayable: true });
  expect(seen).toMatchObject({ code: "reset", cursor: undefined, asked: [first] });
});

test("a caller's own range is read as it comes, and not gone on with", async () => {
  const seen = await run([part(3, ["de", cut])], { headers: { range: "bytes=3-" } });
  expect(seen).toMatchObject({ text: "de", code: "reset", cursor: undefined });
});

test("a caller's own resume goes before the ranges", async () => {
  const resume: StreamOptions<Uint8Array>["resume"] = {
    cursor: (chunk) => `after ${String.fromCharCode(chunk.at(-1) as number)}`,
    apply: (request, after) => request.withHeader("x-go-on", String(after)),
  };
  const seen = await run([all(["abc", cut]), all(["def"], { headers: { "content-length": "3" } })], { resume });
  expect(seen).toMatchObject({ text: "abcdef", code: "complete", cursor: "after f", asked: [first, first] });
});

test("a 200 with the same etag is read up to the resume point, wherever its chunks are cut, and goes on from there", async () => {
  for (let at = 0; at <= alphabet.length; at++) {
    const again = all([alphabet.slice(0, at), alphabet.slice(at)]);
    expect(await run([all(["abcde", cut]), again])).toMatchObject({ ...whole, cursor: 26 });
  }
});

test("what is passed over of a 200 may break, too", async () => {
  const seen = await run([all(["abcde", cut]), all(["abc", cut]), all([alphabet])]);
  expect(seen).toMatchObject({ ...whole, cursor: 26 });
  expect(seen.asked.at(-1)).toEqual({ range: "bytes=5-", ifRange: '"v1"' });
});

test.each([
  ["another etag", { etag: '"v2"' }, 'its etag was "v1", and is "v2" now'],
  ["a weak etag", { etag: 'W/"v1"' }, 'its etag was "v1", and is W/"v1" now'],
  ["another length", { "content-length": "27" }, "it had 26 bytes, and has 27 now"],
])("a 200 with %s is refused: nothing is mixed", async (_, headers, why) => {
  const seen = await run([all(["abcde", cut]), all([alphabet], { headers })]);
  expect(seen).toMatchObject({ text: "abcde", code: "refused", cursor: 5, error: { status: 200 } });
  expect(seen.message).toBe(`Cannot open https://a.example/iso?key=***: it has changed; ${why}`);
});

test("a 200 that no longer tells its etag is refused", async () => {
  const seen = await run([all(["abcde", cut]), { chunks: [alphabet] }]);
  expect(seen).toMatchObject({ text: "abcde", code: "refused" });
  expect(seen.message).toContain('its etag was "v1", and is not told now');
});

test.each([
  ["another etag", { etag: '"v2"' }, 'it has changed; its etag was "v1", and is "v2" now'],
  ["a weak etag", { etag: 'W/"v1"' }, 'it has changed; its etag was "v1", and is W/"v1" now'],
  ["another length", { "content-range": "bytes 5-26/27" }, "it has changed; it had 26 bytes, and has 27 now"],
  [
    "several ranges",
    { "content-type": "multipart/byteranges; boundary=x" },
    "bytes from 5 on were asked for, and the server sent several ranges",
  ],
])("a 206 with %s is refused", async (_, headers, why) => {
  const seen = await run([all(["abcde", cut]), part(5, ["fgh"], { headers })]);
  expect(seen).toMatchObject({ text: "abcde", code: "refused", error: { status: 206 } });
  expect(seen.message).toBe(`Cannot open https://a.example/iso?key=***: ${why}`);
});

test("a 206 need not repeat the etag, which stays what it was", async () => {
  const untold = { headers: { etag: "" } };
  const seen = await run([all(["abcde", cut]), part(5, ["fgh", cut], untold), part(8, undefined, untold)]);
  expect(seen).toMatchObject(whole);
  expect(seen.asked.at(-1)).toEqual({ range: "bytes=8-", ifRange: '"v1"' });
});

test.each(["bytes 4-25/26", "bytes 6-25/26", "bytes 5-25/25", "bytes */26", ""])(
  "a 206 that is not of the bytes asked for is a protocol error: %j",
  async (range) => {
    const seen = await run([all(["abcde", cut]), part(5, ["fgh"], { headers: { "content-range": range } })]);
    expect(seen).toMatchObject({ text: "abcde", code: "protocol" });
    expect(seen.message).toContain("bytes from 5 on were asked for, and the server sent ");
  },
);

test("a part that nobody asked for is a protocol error", async () => {
  expect(await run([part(0)])).toMatchObject({ text: "", code: "protocol" });
});

test("a server may send less than it was asked for: the rest is asked for next", async () => {
  const less = part(5, ["fghij"], { headers: { "content-range": "bytes 5-9/26" } });
  const seen = await run([all(["abcde", cut]), less, part(10)]);
  expect(seen).toMatchObject(whole);
  expect(seen.asked.at(-1)).toEqual({ range: "bytes=10-", ifRange: '"v1"' });
});

test("a 416 at the end says that all is there", async () => {
  const chunked = { ...all([alphabet, short]), framing: "chunked" as const };
  const none = { status: 416, headers: { "content-range": "bytes */26" }, chunks: ["no more", cut] };
  const seen = await run([chunked, none]);
  expect(seen).toMatchObject({ ...whole, cursor: 26 });
  expect(seen.asked).toEqual([first, { range: "bytes=26-", ifRange: '"v1"' }]);
});

test.each([
  ["bytes */20", "the whole has 20"],
  ["", "the whole has fewer"],
])("a 416 elsewhere is refused: %j", async (range, why) => {
  const none = { status: 416, headers: { "content-range": range } };
  const seen = await run([all(["abcde", cut]), none]);
  expect(seen).toMatchObject({ text: "abcde", code: "refused", error: { status: 416 } });
  expect(seen.message).toContain(`bytes from 5 on were asked for, and ${why}`);
});

test("a 416 at the resume point is refused where the whole was longer", async () => {
  const none = { status: 416, headers: { "content-range": "bytes */5" } };
  expect(await run([all(["abcde", cut]), none])).toMatchObject({ text: "abcde", code: "refused" });
});

test.each([203, 204, 205, 304])("any other answer to a range is refused: %i", async (status) => {
  const seen = await run([all(["abcde", cut]), { ...all([alphabet]), status }]);
  expect(seen).toMatchObject({ text: "abcde", code: "refused", error: { status } });
});

test("an answer worth a retry is retried, and asked for the same bytes", async () => {
  const seen = await run([all(["abcde", cut]), { status: 503 }, part(5)]);
  expect(seen).toMatchObject(whole);
  expect(seen.asked.slice(1)).toEqual([
    { range: "bytes=5-", ifRange: '"v1"' },
    { range: "bytes=5-", ifRange: '"v1"' },
  ]);
});

test.each([
  ["a break", [cut]],
  ["a FIN", [short]],
  ["silence", ["stall" as const]],
])("%s behind the last byte changes nothing: nothing is asked for again", async (_, after) => {
  for (const framing of ["chunked", "close", "length"] as const) {
    const seen = await run([all(["abcde", cut]), part(5, [alphabet.slice(5), ...after], { framing })]);
    expect(seen).toMatchObject({ ...whole, cursor: 26 });
  }
});

test("an unframed end is complete at the known length, and a cut before it", async () => {
  const close = { framing: "close" as const };
  const seen = await run([all(["abcde", cut]), part(5, ["fgh"], close), part(8, undefined, close)]);
  expect(seen).toMatchObject(whole);
  expect(seen.asked.at(-1)).toEqual({ range: "bytes=8-", ifRange: '"v1"' });
});

test.each(["length", "h2", "chunked", "close"] as const)(
  "fewer bytes than announced are truncated, and said in bytes, with framing %s",
  async (framing) => {
    const seen = await run([part(0, ["abcde"], { framing })], { resume: { from: 0 }, reconnect: false });
    expect(seen).toMatchObject({ text: "abcde", code: "truncated", cursor: 5 });
    expect(seen.message).toBe("Cannot finish https://a.example/iso?key=***: it ended after 5 of 26 bytes");
  },
);

test.each(["length", "h2", "chunked", "close"] as const)(
  "more bytes than announced are a protocol error, not retried, with framing %s",
  async (framing) => {
    const seen = await run([part(5, [alphabet.slice(5), "!"], { framing })], { resume: { from: 5 } });
    expect(seen).toMatchObject({ text: alphabet.slice(5), code: "protocol", cursor: 26 });
    expect(seen.message).toContain("26 bytes were announced, and more came");
  },
);

test("a part that says it is longer than the whole was is a protocol error", async () => {
  const longer = part(5, [alphabet.slice(5), "!"], { headers: { "content-range": "bytes 5-26/*" } });
  expect(await run([all(["abcde", cut]), longer])).toMatchObject({ code: "protocol" });
});

test("a Content-Length beside chunks counts for nothing", async () => {
  const lying = { ...all([alphabet], { headers: { "content-length": "3" } }), framing: "chunked" as const };
  expect(await run([lying])).toMatchObject(whole);
});

test("without a known length an unframed clean end is `ended`, and final", async () => {
  const seen = await run([{ headers: lasting, framing: "close", chunks: [alphabet] }]);
  expect(seen).toMatchObject({ text: alphabet, code: "ended", cursor: 26, asked: [first] });
});

test("without a known length a break is gone on with, and the part tells the length", async () => {
  const seen = await run([{ headers: lasting, framing: "unknown", chunks: ["abcde", short] }, part(5)]);
  expect(seen).toMatchObject(whole);
});

test("the end of a part whose whole has no known length proves nothing", async () => {
  const open = part(5, undefined, { framing: "chunked", headers: { "content-range": "bytes 5-25/*" } });
  const chunked = { headers: lasting, chunks: ["abcde", short] };
  expect(await run([chunked, open])).toMatchObject({ text: alphabet, code: "ended", cursor: 26 });
});

test("what is asked for anew, by withoutCursor, is read from its start", async () => {
  const open = part(5, ["fghij"], { framing: "close", headers: { "content-range": "bytes 5-9/*" } });
  const reconnect = { withoutCursor: true };
  const seen = await run([{ headers: lasting, chunks: ["abcde", short] }, open, all([alphabet])], { reconnect });
  expect(seen).toMatchObject({ text: `abcdefghij${alphabet}`, code: "complete", cursor: 26 });
  expect(seen.asked.at(-1)).toEqual(first);
});

test("resume.from asks for the bytes behind it, with no tag of theirs", async () => {
  const seen = await run([part(5, ["fgh", cut]), part(8)], { resume: { from: 5 } });
  expect(seen).toMatchObject({ text: alphabet.slice(5), code: "complete", cursor: 26 });
  expect(seen.asked).toEqual([
    { range: "bytes=5-", ifRange: undefined },
    { range: "bytes=8-", ifRange: '"v1"' },
  ]);
});

test("resume.from may be digits, as a store or a command line has them", async () => {
  expect(await run([part(5)], { resume: { from: "5" } })).toMatchObject({ text: alphabet.slice(5), cursor: 26 });
});

test("resume.from goes on from there as long as nothing was handed out, also where nothing vouches for the bytes", async () => {
  const seen = await run([part(5, [cut], { headers: { etag: "" } }), part(5)], { resume: { from: 5 } });
  expect(seen).toMatchObject({ text: alphabet.slice(5), code: "complete" });
  expect(seen.asked).toEqual([
    { range: "bytes=5-", ifRange: undefined },
    { range: "bytes=5-", ifRange: undefined },
  ]);
});

test("where nothing vouches for the bytes, what began at resume.from is over when it breaks; its resume point is told", async () => {
  const seen = await run([part(5, ["fgh", cut], { headers: { etag: "" } })], { resume: { from: 5 } });
  expect(seen).toMatchObject({ text: "fgh", code: "reset", cursor: 8 });
});

test("a 200 to resume.from is read up to it", async () => {
  expect(await run([{ chunks: ["abc", "defgh"] }], { resume: { from: 5 } })).toMatchObject({
    text: "fgh",
    code: "complete",
    cursor: 8,
  });
});

test("resume.from behind the end is refused; at the end it is complete", async () => {
  const none = { status: 416, headers: { "content-range": "bytes */26" } };
  expect(await run([none], { resume: { from: 26 } })).toMatchObject({ text: "", code: "complete" });
  for (const answer of [none, all([alphabet]), all([alphabet, cut]), { chunks: [alphabet] }]) {
    const seen = await run([answer], { resume: { from: 30 } });
    expect(seen).toMatchObject({ text: "", code: "refused", cursor: 30 });
    expect(seen.message).toContain("bytes from 30 on were asked for");
  }
});

test.each([-1, 1.5, "x"])("resume.from: %s is no number of bytes", async (from) => {
  const seen = await run([], { resume: { from } });
  expect(seen).toMatchObject({ code: "protocol", asked: [] });
  expect(seen.message).toContain("must be a whole number of bytes from 0 up");
});

test("resume.from and a range header contradict each other", async () => {
  const seen = await run([], { resume: { from: 5 }, headers: { range: "bytes=7-" } });
  expect(seen).toMatchObject({ code: "protocol", asked: [] });
});

test("an unsafe request begins at resume.from, and is sent once", async () => {
  const seen = await run([{ chunks: ["abcde", "fgh", cut] }], { method: "POST", resume: { from: 5 } });
  expect(seen).toMatchObject({ text: "fgh", code: "reset", cursor: 8 });
});

test("only a GET has parts: what another request got is not gone on with, also when it may be repeated", async () => {
  const options = { method: "POST", replayable: true, resume: { from: 5 } };
  const seen = await run([all(["abcde", "fgh", cut])], options);
  expect(seen).toMatchObject({ text: "fgh", code: "reset", cursor: 8 });
});

test("an encoded answer to a range is refused", async () => {
  const seen = await run([all(["abcde", cut]), part(5, undefined, { headers: { "content-encoding": "br" } })]);
  expect(seen).toMatchObject({ text: "abcde", code: "refused" });
});

test("a request for all that follows a refused one for a part is judged as one for all", async () => {
  const gone = { status: 410, chunks: ["gone"] };
  const page = { status: 416, chunks: ["error page"] };
  const refused = await run([all(["abc", cut]), gone, page], { resume: { onGap: "restart" } });
  expect(refused).toMatchObject({ text: "abc", code: "refused", error: { status: 416 } });
  const again = await run([all(["abc", cut]), gone, { ...all([alphabet]), status: 203 }], {
    resume: { onGap: "restart" },
  });
  expect(again).toMatchObject({ text: `abc${alphabet}`, code: "complete" });
});
