import type { Answer } from "@longwire/testing";
import { expect, test } from "vitest";
import { file } from "../../src/serve/file.ts";

async function asked(size: number, headers: Record<string, string> = {}, method = "GET"): Promise<[Answer, string]> {
  const request = new Request("http://a.example/bytes", { method, headers });
  const { answer } = file(request, new URLSearchParams({ size: String(size) }));
  const chunks: Uint8Array[] = [];
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return [answer, Buffer.concat(chunks).toString()];
}

test("each line says where it begins, at every size", async () => {
  for (const size of [0, 1, 15, 16, 17, 65_536, 65_537, 200_000]) {
    const [{ status, headers }, text] = await asked(size);
    expect([status, headers?.["content-length"], text.length]).toEqual([200, String(size), size]);
    for (const [index, line] of text.split("\n").entries()) {
      if (line.length === 15) expect(Number(line)).toBe(index * 16);
    }
  }
});

test.each([
  ["bytes=0-4", 206, [0, 5]],
  ["bytes=17-40", 206, [17, 41]],
  ["bytes=90-", 206, [90, 100]],
  ["bytes=-10", 206, [90, 100]],
  ["bytes=-1000", 206, [0, 100]],
  ["bytes=50-1000", 206, [50, 100]],
  ["bytes=100-", 416, undefined],
  ["bytes=-0", 416, undefined],
  ["bytes=5-4", 200, [0, 100]],
  ["bytes=0-1,5-6", 200, [0, 100]],
  ["lines=1-2", 200, [0, 100]],
  ["bytes=-", 200, [0, 100]],
])("%s of 100 bytes is %d", async (range, status, place) => {
  const [answer, text] = await asked(100, { range });
  const [, whole] = await asked(100);
  expect(answer.status).toBe(status);
  expect(text).toBe(place ? whole.slice(...place) : "");
  const contentRange = answer.headers?.["content-range"];
  if (status === 206) expect(contentRange).toBe(`bytes ${place?.[0]}-${(place?.[1] ?? 0) - 1}/100`);
  else expect(contentRange).toBe(status === 416 ? "bytes */100" : undefined);
});

test("a range holds for the file that it was asked for, and for GET", async () => {
  expect((await asked(100, { range: "bytes=5-", "if-range": '"100"' }))[0].status).toBe(206);
  expect((await asked(100, { range: "bytes=5-", "if-range": '"99"' }))[0].status).toBe(200);
  const [{ status, headers }] = await asked(100, { range: "bytes=5-" }, "HEAD");
  expect([status, headers?.["content-length"]]).toEqual([200, "100"]);
});
