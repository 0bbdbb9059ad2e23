import { readFileSync } from "node:fs";
import { expect, expectTypeOf, test } from "vitest";
import type {
  CallOptions,
  CursorStore,
  DropPolicy,
  Gap,
  GapEnds,
  HeadersOption,
  LatestBy,
  Notice,
  OpenNdjsonOptions,
  ReconnectOptions,
  ResumeOptions,
  RetryOn,
  SessionState,
  WaitCause,
} from "../src/index.ts";
import * as browser from "../src/index.ts";
import * as node from "../src/index.node.ts";
import { clientOf, read } from "./client-of.ts";

/** What only Node can do. */
const onlyOfNode = ["fileCursorStore"];
const typesOnlyOfNode = ["DuplexCall", "DuplexOptions", "NodeClient", "Takeover", "TakeOverOptions", "UploadSource"];

test("Node's entry exports what the other one does, and what only Node can do", () => {
  expect(Object.keys(node).sort()).toEqual([...Object.keys(browser), ...onlyOfNode].sort());
  expect(Object.keys(browser)).not.toContain("fileCursorStore");
});

test("the types of both entries are the same, but for what only Node can do", () => {
  expect(typesOf("index.ts").length).toBeGreaterThan(20);
  expect(typesOf("index.node.ts")).toEqual([...typesOf("index.ts"), ...typesOnlyOfNode].sort());
});

test("options and notices can be annotated with what is exported", async () => {
  interface Row {
    readonly seq: number;
    readonly lostTo?: number;
  }
  const gap = ({ lostTo }: Row): Gap | undefined => (lostTo === undefined ? undefined : { to: lostTo, reopen: false });
  const resume: ResumeOptions<Row> = {
    cursor: ({ seq }) => seq,
    apply: (request, since) => request.withQuery({ since }),
    gap,
    onGap: "restart",
  };
  const headers: HeadersOption = () => ({ "x-team": "ops" });
  const retryOn: RetryOn = ({ status }) => status === 404;
  const latest: LatestBy<Row> = browser.latestBy((row: Row) => row.seq);
  const policy: DropPolicy<Row> = latest;
  const cursorStore: CursorStore = browser.memoryCursorStore();
  const reconnect: ReconnectOptions = { retries: 0 };
  const options: CallOptions<OpenNdjsonOptions<Row>> = {
    resume,
    headers,
    retryOn,
    policy,
    capacity: 3,
    cursorStore,
    saveMs: 0,
    reconnect,
  };
  const { client, transport } = clientOf([{ chunks: ['{"seq":1}\n{"seq":9,"lostTo":8}\n'], framing: "length" }]);
  const rows = client.ndjson("/rows", options);
  const notices: Notice[] = [];
  const causes: WaitCause[] = [];
  const ends: GapEnds[] = [];
  const told = (async () => {
    for await (const notice of rows.notices()) {
      notices.push(notice);
      if (notice.type === "waiting") causes.push(notice.cause);
      if (notice.type === "gap") ends.push(notice);
    }
  })();
  expect(await read(rows)).toEqual([{ seq: 1 }, { seq: 9, lostTo: 8 }]);
  await told;
  const state: SessionState = rows.state;
  expectTypeOf(rows.state).toEqualTypeOf<SessionState>();
  expect([state.name, causes, transport.requests[0]?.headers["x-team"], cursorStore.load()]).toEqual([
    "closed",
    [],
    "ops",
    9,
  ]);
  expect(ends).toMatchObject([{ from: 1, to: 8 }]);
});

function typesOf(file: string): string[] {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");
  return [...source.matchAll(/export type \{([^}]*)\}/g)]
    .flatMap(([, names]) => (names as string).split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .sort();
}
