import { expect, test } from "vitest";
import { maskedHeaders } from "../../src/layers/mask.ts";

test("names are in lower case, secrets are masked, addresses lose their values", () => {
  const headers = new Headers([
    ["X-Request-Id", "7"],
    ["Authorization", "Bearer a"],
    ["Proxy-Authorization", "Basic b"],
    ["Cookie", "c=d"],
    ["Set-Cookie", "e=f"],
    ["Set-Cookie", "g=h"],
    ["Location", "https://ann:pw@b.example/p?token=i"],
    ["Content-Location", "/p?token=j"],
  ]);
  expect(maskedHeaders(headers)).toEqual({
    "x-request-id": "7",
    authorization: "***",
    "proxy-authorization": "***",
    cookie: "***",
    "set-cookie": "***",
    location: "https://b.example/p?token=***",
    "content-location": "/p?token=***",
  });
});

test("a header that comes twice is joined, in any letter case and under any name", () => {
  const headers = {
    get: () => null,
    [Symbol.iterator]: () => Object.entries({ Via: "a", via: "b", constructor: "c" })[Symbol.iterator](),
  };
  expect(maskedHeaders(headers)).toEqual({ via: "a, b", constructor: "c" });
});
