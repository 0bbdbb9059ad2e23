import { expect, test } from "vitest";
import { shownUrl } from "../../src/request/shown-url.ts";

test("a printed URL has no userinfo and no fragment", () => {
  expect(shownUrl("https://ann:secret@a.example/p#top")).toBe("https://a.example/p");
});

test("query values are masked and their names stay", () => {
  expect(shownUrl("https://a.example/p?token=abc&since=4&flag#x?y=1")).toBe(
    "https://a.example/p?token=***&since=***&flag",
  );
});

test("a URL with nothing to hide is printed as it is", () => {
  expect(shownUrl("https://a.example/p/q")).toBe("https://a.example/p/q");
});
