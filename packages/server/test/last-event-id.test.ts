import { describe, expect, it } from "vitest";
import { lastEventId } from "../src/last-event-id.ts";

const bytesOf = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));

describe("lastEventId", () => {
  it.each(["7", "é-日本", "é", "\u{feff}1"])("is %j, whether the runtime gives its bytes or its text", (id) => {
    expect([lastEventId(bytesOf(id)), lastEventId(id)]).toEqual([id, id]);
  });

  it("is a list when the field came more than once", () => {
    expect(lastEventId(["1", bytesOf("é")])).toBe("1, é");
  });

  it.each([undefined, null, ""])("is none for %j", (field) => {
    expect(lastEventId(field)).toBeUndefined();
  });
});
