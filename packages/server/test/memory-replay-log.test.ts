import { seededRandom } from "@longwire/core/testing";
import { describe, expect, it } from "vitest";
import { memoryReplayLog, type Published, type ReplayLog } from "../src/index.ts";

const item = (data: string): Published => ({ topic: "t", data, format: "text" });

async function filled(log: ReplayLog, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await log.append(item(String(n))));
  return ids;
}

async function after(log: ReplayLog, cursor: string | undefined): Promise<string[]> {
  return (await log.since(cursor)).entries.map((entry) => entry.item.data);
}

describe("memoryReplayLog", () => {
  it("has what came behind each cursor that it knows, under the ids that it gave", async () => {
    const log = memoryReplayLog();
    const start = (await log.since(undefined)).cursor;
    const ids = await filled(log, 5);
    expect(new Set(ids).size).toBe(5);
    expect(await after(log, start)).toEqual(["0", "1", "2", "3", "4"]);
    for (const [index, id] of ids.entries()) {
      const replay = await log.since(id);
      expect(replay.entries.map((entry) => entry.id)).toEqual(ids.slice(index + 1));
      expect([replay.cursor, replay.gap]).toEqual([ids.at(-1), undefined]);
    }
    expect(await log.since(undefined)).toEqual({ entries: [], cursor: ids.at(-1) });
  });

  it.each([1, 2, 3, 7])("keeps the latest %i, and tells a gap with both ends for what is older", async (maxItems) => {
    const log = memoryReplayLog({ maxItems });
    const ids = await filled(log, 10);
    const kept = Array.from({ length: maxItems }, (_, index) => String(10 - maxItems + index));
    const lastDropped = ids[10 - maxItems - 1] as string;
    const { entries, gap } = await log.since(ids[0]);
    expect(entries.map((entry) => entry.item.data)).toEqual(kept);
    if (maxItems < 9) expect(gap).toEqual({ from: ids[0], to: lastDropped });
    // Behind the gap's end nothing is missing.
    expect(await log.since(lastDropped)).toMatchObject({ entries, cursor: ids.at(-1) });
    expect((await log.since(lastDropped)).gap).toBeUndefined();
  });

  it("keeps no more bytes than maxBytes, two for a character, one item that is too long included", async () => {
    const log = memoryReplayLog({ maxBytes: 100 });
    const ids = [await log.append(item("a".repeat(20))), await log.append(item("b".repeat(20)))];
    expect(await after(log, "unknown")).toHaveLength(2);
    ids.push(await log.append(item("c".repeat(20))));
    expect(await after(log, "unknown")).toEqual(["b".repeat(20), "c".repeat(20)]);
    const long = await log.append(item("d".repeat(50)));
    expect(await log.since(ids[2])).toEqual({ entries: [], cursor: long, gap: { from: ids[2], to: long } });
    expect(await log.since(long)).toEqual({ entries: [], cursor: long });
    await log.append(item("e"));
    expect(await after(log, long)).toEqual(["e"]);
  });

  it("takes no other log's cursor for its own, nor one that it has not given", async () => {
    const [one, other] = [memoryReplayLog({ random: seededRandom(1) }), memoryReplayLog({ random: seededRandom(2) })];
    const [ids] = [await filled(one, 3), await filled(other, 3)];
    const name = (ids[0] as string).split("-")[0];
    for (const cursor of [
      (await other.since(undefined)).cursor,
      "",
      "x",
      "-1",
      `${name}-4`,
      `${name}-01`,
      `${name}--1`,
      `${name}-1e0`,
      `${name}-99999999999999999999`,
    ]) {
      const { entries, gap } = await one.since(cursor);
      expect([entries.length, gap]).toEqual([3, { from: cursor, to: `${name}-0` }]);
    }
  });

  it("refuses sizes below 1", () => {
    expect(() => memoryReplayLog({ maxItems: 0 })).toThrow("maxItems must be a whole number from 1 up, got 0");
    expect(() => memoryReplayLog({ maxBytes: 0.5 })).toThrow(RangeError);
  });
});
