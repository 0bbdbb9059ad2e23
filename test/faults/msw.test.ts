import { createClient, fetchTransport } from "longwire";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, test } from "vitest";

// A user's own test needs no socket: msw replaces the global fetch, and the fetch transport looks it up when it is called.

const lastIds: (string | null)[] = [];
const server = setupServer(
  http.get("https://api.example.com/events", ({ request }) => {
    const lastId = request.headers.get("last-event-id");
    lastIds.push(lastId);
    const body = lastId === null ? "id: 1\ndata: one\n\n" : "id: 2\ndata: two\n\ndata: [DONE]\n\n";
    return new HttpResponse(streamOf(body), { headers: { "content-type": "text/event-stream" } });
  }),
  http.get(
    "https://api.example.com/feed",
    () => new HttpResponse('{"seq":1}\n{"seq":2}\n', { headers: { "content-type": "application/x-ndjson" } }),
  ),
);

beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterAll(() => server.close());

test("a client on the fetch transport streams from msw handlers, and resumes there", async () => {
  await using client = createClient({
    baseUrl: "https://api.example.com",
    transport: fetchTransport(),
    reconnect: { floorMs: 1, firstMs: 1 },
  });
  const events = client.sse("/events", { until: "[DONE]" });
  const data: string[] = [];
  for await (const event of events) data.push(event.data);
  expect(data).toEqual(["one", "two"]);
  expect(lastIds).toEqual([null, "1"]);
  expect(await events.outcome).toMatchObject({ code: "complete", items: 2, attempts: 2, cursor: "2" });

  const rows: unknown[] = [];
  for await (const row of client.ndjson("/feed")) rows.push(row);
  expect(rows).toEqual([{ seq: 1 }, { seq: 2 }]);
});

function streamOf(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Cut where it hurts: in the middle of a field.
      controller.enqueue(bytes.slice(0, 7));
      controller.enqueue(bytes.slice(7));
      controller.close();
    },
  });
}
