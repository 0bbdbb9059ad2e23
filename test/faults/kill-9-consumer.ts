// A consumer that is going to be killed: KIND URL STORE LOG SAVE_MS. It writes the number of each item down as soon as it has it.

import { openSync, writeSync } from "node:fs";
import { openNdjson } from "@longwire/ndjson";
import { fileCursorStore, nodeTransport } from "@longwire/node";
import { openSse } from "@longwire/sse";

const [kind, url, store, log, saveMs] = process.argv.slice(2) as [string, string, string, string, string];
const options = { transport: nodeTransport(), cursorStore: fileCursorStore(store), saveMs: Number(saveMs) };
const written = openSync(log, "a");
let received = 0;

if (kind === "events") {
  for await (const event of openSse(url, options)) writeDown(event.data);
} else {
  const rows = openNdjson<{ readonly seq: number }>(url, {
    ...options,
    resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
  });
  for await (const row of rows) writeDown(row.seq);
}

function writeDown(number: number | string): void {
  writeSync(written, `${number}\n`);
  if (received++ === 0) process.stdout.write("receiving\n");
}
