import { expect, test } from "vitest";
import { resolveUrl } from "../../src/request/resolve-url.ts";

test.each([
  ["/events", "https://x.example/v1", "https://x.example/v1/events"],
  ["events", "https://x.example/v1/", "https://x.example/v1/events"],
  ["/events", "https://x.example", "https://x.example/events"],
  ["", "https://x.example/v1", "https://x.example/v1"],
  ["?since=4", "https://x.example/v1", "https://x.example/v1?since=4"],
  ["/a/b?x=1#top", "https://x.example/v1#frag", "https://x.example/v1/a/b?x=1"],
  ["/events?x=%20y", "https://x.example/v1?api-version=3", "https://x.example/v1/events?api-version=3&x=%20y"],
  ["//evil.example/p", "https://x.example", "https://x.example//evil.example/p"],
  ["/time/12:30", "https://x.example/v1", "https://x.example/v1/time/12:30"],
])("baseUrl is a prefix: %j on %s is %s", (path, base, url) => {
  expect(resolveUrl(path, base)).toEqual({ url });
});

test("an absolute URL is taken as it is, whatever the base, and only its fragment goes", () => {
  expect(resolveUrl("http://y.example:8080/a%2Fb?q=a+b#c", "https://ann:pw@x.example/v1")).toEqual({
    url: "http://y.example:8080/a%2Fb?q=a+b",
  });
  expect(resolveUrl(" https://y.example/a\n", "https://x.example/v1")).toEqual({ url: "https://y.example/a" });
  expect(resolveUrl(new URL("https://y.example/a"))).toEqual({ url: "https://y.example/a" });
});

test.each([
  ["https://ann:s%40cr%C3%A9t@x.example/p", undefined, { user: "ann", password: "s@crét" }],
  ["/p", "https://ann:secret@x.example", { user: "ann", password: "secret" }],
  ["https://token@x.example/p", undefined, { user: "token", password: "" }],
  ["https://:secret@x.example/p", undefined, { user: "", password: "secret" }],
  ["https://ann:50%@x.example/p", undefined, { user: "ann", password: "50%" }],
])("userinfo leaves the URL and becomes credentials: %s on %s", (path, base, basic) => {
  expect(resolveUrl(path, base)).toEqual({ url: "https://x.example/p", basic });
});

test("a relative URL without a base says what to do", () => {
  expect(() => resolveUrl("/events?token=abc")).toThrow(
    new TypeError('Cannot open "/events?token=***": it is relative; give an absolute URL, or a baseUrl'),
  );
});

test.each([
  ["ftp://zoe:secret@x.example/", undefined],
  ["localhost:8080/events", undefined],
  ["http://zoe:sec/ret@x.example", undefined],
  ["https://[secret@", undefined],
  ["/p", "ws://zoe:secret@x.example"],
  ["/p", "/v1"],
])("%s on %s is a TypeError that prints no secret", (path, base) => {
  const attempt = () => resolveUrl(path, base);
  expect(attempt).toThrow(TypeError);
  expect(attempt).toThrow("must be an absolute URL with http:// or https://");
  expect(attempt).not.toThrow(/sec\/?ret|zoe/);
});

test.each([undefined, null, 5, {}, []])("what is neither text nor a URL is a TypeError: %s", (value) => {
  expect(() => resolveUrl(value as unknown as string, "https://x.example")).toThrow(
    /^The URL must be a string or a URL, not /,
  );
  if (value === undefined) return;
  expect(() => resolveUrl("/p", value as unknown as string)).toThrow(/^baseUrl must be a string or a URL, not /);
});

test.each([
  "zoe:secret@x.example/p",
  "secret@x.example/p",
  "zoe:sec/ret@x.example/p",
  "zoe:sec//ret@x.example/p",
  "zoe:sec?ret@x.example/p",
])("userinfo is masked where http:// was forgotten: %s", (url) => {
  expect(() => resolveUrl(url)).toThrow(/^Cannot open "x\.example\/p": /);
});

test("a bad baseUrl is called by its name", () => {
  expect(() => resolveUrl("/p", "/v1")).toThrow('Cannot open "/v1": baseUrl must be');
});

test.each([
  ["unix:/run/docker.sock:/events?since=1#x", undefined, "unix:/run/docker.sock:/events?since=1"],
  ["unix:///run/docker.sock:/events", undefined, "unix:/run/docker.sock:/events"],
  ["unix:/run/docker.sock", undefined, "unix:/run/docker.sock:/"],
  ["unix:/run/docker.sock:?all=1", undefined, "unix:/run/docker.sock:/?all=1"],
  ["unix:/run/a%3Ab c.sock:/x:y", undefined, "unix:/run/a%3Ab%20c.sock:/x:y"],
  ["/events?x=1", "unix:/run/docker.sock", "unix:/run/docker.sock:/events?x=1"],
  ["/events", "unix:/run/docker.sock:/v1.43?t=1", "unix:/run/docker.sock:/v1.43/events?t=1"],
  ["/../../other.sock:/events", "unix:/run/docker.sock", "unix:/run/docker.sock:/other.sock:/events"],
])("a Unix socket and what is asked for over it: %j on %s is %s", (path, base, url) => {
  expect(resolveUrl(path, base)).toEqual({ url });
  expect(resolveUrl(new URL(url))).toEqual({ url });
});

test.each(["unix:docker.sock:/events", "unix:/:/events", "unix://host/run/docker.sock:/events", "unix:/a.sock:events"])(
  "%s is no Unix socket with a path",
  (url) => {
    expect(() => resolveUrl(url)).toThrow("or unix:/run/a.sock:/path");
  },
);
