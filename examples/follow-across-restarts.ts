// node examples/follow-across-restarts.ts URL [FILE]: follows a stream of Server-Sent Events over restarts of this process too: where
// it is stands in a file. Stop it, start it, pull the plug: it goes on behind the last event that was printed.

import { createClient, fileCursorStore, StreamError } from "longwire";

const [url = "http://127.0.0.1:8080/events", file = "events.cursor"] = process.argv.slice(2);

const client = createClient({ timeouts: { idleMs: "learn", maxAgeMs: 3_600_000 }, reconnect: { maxMs: 60_000 } });
const events = client.sse(url, {
  cursorStore: fileCursorStore(file),
  saveMs: 0, // after a kill -9 at most one event comes twice; 1_000 would save once a second
  resume: { onGap: "restart" }, // a server that has forgotten the cursor is told, and gone on with
});
process.once("SIGINT", () => client.close()); // saves once more

void (async () => {
  for await (const notice of events.notices()) {
    if (notice.type === "gap") console.error(`missing: what came after ${notice.from}, before ${notice.to}`);
    if (notice.type === "waiting") console.error(`cut; next attempt in ${Math.round(notice.waitMs)} ms`);
  }
})();

try {
  for await (const event of events) console.log(event.lastEventId, event.data);
} catch (error) {
  console.error(error instanceof StreamError ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
await client.close();
