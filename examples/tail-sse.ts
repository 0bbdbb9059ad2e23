// node examples/tail-sse.ts URL: prints Server-Sent Events, and what happens to the connection, until Ctrl-C.

import { createClient, waitReason } from "longwire";

const client = createClient({ timeouts: { idleMs: 45_000 } });
const events = client.sse(process.argv[2] ?? "http://127.0.0.1:8080/events");
process.once("SIGINT", () => client.close());

const tellWaits = async (): Promise<void> => {
  for await (const notice of events.notices()) {
    if (notice.type === "waiting")
      console.error(`${waitReason(notice.cause)}; again in ${Math.round(notice.waitMs)} ms`);
  }
};
void tellWaits();

for await (const event of events) console.log(event.type, event.data, event.lastEventId);
console.error((await events.outcome).code);
await client.close();
