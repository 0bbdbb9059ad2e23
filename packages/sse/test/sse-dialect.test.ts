import { StreamRequest } from "@longwire/core";
import { expect, test } from "vitest";
import type { ServerSentEvent } from "../src/server-sent-event.ts";
import { sseDialect } from "../src/sse-dialect.ts";

const dialect = sseDialect();
const event: ServerSentEvent = { type: "add", data: "a", lastEventId: "7", id: undefined };
const request = new StreamRequest({ url: "https://a.example/", headers: { "last-event-id": "old" } });

test("asks for an event stream as it is", () => {
  expect(dialect).toMatchObject({
    name: "SSE",
    accept: "text/event-stream",
    acceptEncoding: "identity",
    endless: true,
  });
});

test("knows the text, the name and the resume point of an event", () => {
  expect(dialect.textOf?.(event)).toBe("a");
  expect(dialect.typeOf?.(event)).toBe("add");
  expect(dialect.cursorOf?.(event)).toBe("7");
  expect(dialect.cursorOf?.({ ...event, lastEventId: "" })).toBe("");
});

test("a request goes on after an id, also after one that is a number", () => {
  expect(dialect.resume?.(request, "7").headers["last-event-id"]).toBe("7");
  expect(dialect.resume?.(request, 7).headers["last-event-id"]).toBe("7");
});

test("an empty id is none: the header is left away", () => {
  expect(dialect.resume?.(request, "").headers).toEqual({});
});

test("a cursor that would end the header is refused", () => {
  expect(() => dialect.resume?.(request, "7\r\nx-admin: 1")).toThrow(TypeError);
});

test("a bad option is refused before there is an answer to decode", () => {
  expect(() => sseDialect({ maxItemBytes: 0 })).toThrow(RangeError);
});

test("an id with a control character is no resume point: the one before it stays in force", () => {
  for (const id of ["a\u0001", "\u007f", "\u001b[31m"]) {
    expect(dialect.cursorOf?.({ ...event, lastEventId: id })).toBe(undefined);
    expect(dialect.resume?.(request, id).headers).toEqual({});
  }
});
