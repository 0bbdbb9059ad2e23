import { expect, test } from "vitest";
import { isSafe, StreamRequest } from "../../src/request/stream-request.ts";

const request = new StreamRequest({
  url: "https://a.example/f?sig=a%20b+c&flag&since=1",
  headers: { "X-Team": "ops" },
});

test("each with… answers a new request and leaves the first as it is", () => {
  request.withMethod("post").withHeader("x-team", "dev").withJson({ a: 1 }).withUrl("https://b.example/");
  expect(request).toMatchObject({
    method: "GET",
    headers: { "x-team": "ops" },
    url: "https://a.example/f?sig=a%20b+c&flag&since=1",
  });
});

test("setting a query parameter leaves the others letter by letter, so that a signed URL stays signed", () => {
  expect(request.withQuery({ since: "2&3", more: true }).url).toBe(
    "https://a.example/f?sig=a%20b+c&flag&since=2%263&more=true",
  );
});

test("an undefined query parameter is removed", () => {
  expect(request.withQuery({ since: undefined, flag: undefined }).url).toBe("https://a.example/f?sig=a%20b+c");
});

test("a header name is one name in any letter case, and undefined removes it", () => {
  expect(request.withHeader("X-TEAM", undefined).headers).toEqual({});
});

test("a JSON body brings its content type, unless one is set", () => {
  expect(request.withJson([1]).headers["content-type"]).toBe("application/json");
  expect(request.withHeader("Content-Type", "application/json-patch+json").withJson([1]).headers["content-type"]).toBe(
    "application/json-patch+json",
  );
});

test("safe methods and an idempotency key make a request replayable; a body that cannot be made again never is", () => {
  const post = request.withMethod("POST");
  const once = (async function* () {
    yield new Uint8Array(1);
  })();
  expect(request.replayable).toBe(true);
  expect(post.replayable).toBe(false);
  expect(post.withReplayable(true).replayable).toBe(true);
  expect(post.withHeader("Idempotency-Key", "k").replayable).toBe(true);
  expect(post.withBody(() => once).withReplayable(true).replayable).toBe(true);
  expect(post.withBody(once).withReplayable(true).replayable).toBe(false);
  expect(request.withReplayable(false).replayable).toBe(false);
});

test("GET, HEAD, OPTIONS and TRACE are safe", () => {
  const methods = ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "CONNECT"];
  expect(methods.filter(isSafe)).toEqual(["GET", "HEAD", "OPTIONS", "TRACE"]);
});

test("what was asked for goes along through every change", () => {
  const body = () => "again";
  const made = new StreamRequest({ url: request.url, method: "POST", body, replayable: true });
  const changed = made.withQuery({ since: 4 }).withHeader("x-two", "2").withUrl("https://b.example/");
  expect([changed.method, changed.body, changed.replayable]).toEqual(["POST", body, true]);
});
