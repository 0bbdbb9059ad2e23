// node examples/ndjson-feed.ts URL: follows a feed of records that resumes by a field of its own, such as CouchDB's _changes.

import { createClient } from "longwire";

interface Change {
  readonly seq: string | number;
  readonly id: string;
}

const client = createClient({ reconnect: { retries: 20 } });
const changes = client.ndjson<Change>(process.argv[2] ?? "http://127.0.0.1:5984/db/_changes?feed=continuous", {
  resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
});
process.once("SIGINT", () => client.close());

for await (const row of changes) console.log(row.seq, row.id);
await client.close();
