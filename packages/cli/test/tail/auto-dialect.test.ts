import { type Dialect, StreamRequest } from "@longwire/core";
import { describe, expect, test } from "vitest";
import type { Item } from "../../src/tail/item.ts";
import { tailDialect } from "../../src/tail/tail-dialect.ts";
import { answer } from "./answer.ts";

describe("auto", () => {
  test.each([
    ["text/event-stream", "SSE"],
    ["text/event-stream; charset=utf-8", "SSE"],
    ["Text/Event-Stream", "SSE"],
    ["application/x-ndjson", "NDJSON"],
    ["application/jsonl", "NDJSON"],
    ["application/json; charset=utf-8", "NDJSON"],
    ["application/problem+json", "lines"],
    ["application/json-seq", "JSON text sequences"],
    ["text/plain", "lines"],
    ["application/octet-stream", "lines"],
    ["text/html", "lines"],
    ["", "lines"],
  ])("reads %j as %s", (contentType, name) => {
    expect(chosenBy(contentType).name).toBe(name);
  });

  test("has chosen nothing before there is an answer, and asks as SSE does", () => {
    const auto = tailDialect("auto", {});
    expect(auto.name).toBe("auto");
    expect(resumed(auto, "41").headers["last-event-id"]).toBe("41");
  });

  test("chooses anew for every answer", () => {
    const auto = chosenBy("text/event-stream");
    auto.decoder(answer("text/plain"), undefined);
    expect(auto.name).toBe("lines");
  });

  test.each([204, 205])("keeps its choice for an answer of status %i, which has no type", (status) => {
    const auto = chosenBy("text/event-stream");
    auto.decoder({ ...answer(""), status }, "2");
    expect([auto.name, auto.endless]).toEqual(["SSE", true]);
  });

  test("resumes and reads cursors as what it has chosen", () => {
    const options = { cursor: "seq", cursorParam: "since" };
    const rows = chosenBy("application/x-ndjson", options);
    expect(rows.cursorOf?.({ json: '{"seq":8}' })).toBe(8);
    expect(resumed(rows, 8).url).toBe("http://a.example/feed?since=8");
    const texts = chosenBy("application/json-seq", options);
    expect(texts.cursorOf?.({ json: '{"seq":9}' })).toBe(9);
    expect(resumed(texts, 9).url).toBe("http://a.example/feed?since=9");
    const events = chosenBy("text/event-stream");
    expect(events.cursorOf?.({ type: "message", data: "", lastEventId: "5", id: "5" })).toBe("5");
    expect(resumed(events, "5").headers["last-event-id"]).toBe("5");
    expect(resumed(chosenBy("text/plain"), "5")).toEqual(new StreamRequest({ url: "http://a.example/feed" }));
  });

  test("tells which answers cannot be gone on with", () => {
    const goesOn = ({ endless, resume }: Dialect<Item>): boolean => endless === true || resume !== undefined;
    expect(goesOn(chosenBy("text/event-stream"))).toBe(true);
    expect(goesOn(chosenBy("application/x-ndjson", { cursor: "seq", cursorParam: "since" }))).toBe(true);
    expect(goesOn(chosenBy("application/x-ndjson"))).toBe(false);
    expect(goesOn(chosenBy("text/plain", { cursor: "seq", cursorParam: "since" }))).toBe(false);
  });
});

function chosenBy(contentType: string, options: Parameters<typeof tailDialect>[1] = {}): Dialect<Item> {
  const auto = tailDialect("auto", options);
  auto.decoder(answer(contentType), undefined);
  return auto;
}

function resumed(auto: Dialect<Item>, cursor: string | number): StreamRequest {
  const request = new StreamRequest({ url: "http://a.example/feed" });
  return auto.resume?.(request, cursor) ?? request;
}
