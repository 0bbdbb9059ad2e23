import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as browser from "../src/index.ts";
import * as node from "../src/index.node.ts";

/** What only Node can do. */
const onlyOfNode = ["fileCursorStore"];

test("Node's entry exports what the other one does, and what only Node can do", () => {
  expect(Object.keys(node).sort()).toEqual([...Object.keys(browser), ...onlyOfNode].sort());
  expect(Object.keys(browser)).not.toContain("fileCursorStore");
});

test("the types of both entries are the same", () => {
  expect(typesOf("index.ts").length).toBeGreaterThan(20);
  expect(typesOf("index.node.ts")).toEqual(typesOf("index.ts"));
});

function typesOf(file: string): string[] {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");
  return [...source.matchAll(/export type \{([^}]*)\}/g)]
    .flatMap(([, names]) => (names as string).split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .sort();
}
