// node examples/watch-etcd.ts KEY [REVISION] [URL]: follows a key of etcd through restarts and cuts, by its JSON gateway.
// The cursor is a revision in the request's body; what etcd has compacted meanwhile is told as a gap, not hidden.

import { createClient } from "longwire";

interface WatchRow {
  readonly result?: {
    readonly created?: boolean;
    /** The revision up to which history is gone, when the watch was cancelled for that. */
    readonly compact_revision?: string;
    readonly events?: readonly { readonly kv: { readonly mod_revision: string; readonly value?: string } }[];
  };
}

const [key = "hello", from = "0", url = "http://127.0.0.1:2379"] = process.argv.slice(2);
const create = { key: btoa(key) };

const client = createClient({ baseUrl: url });
const rows = client.ndjson<WatchRow>("/v3/watch", {
  method: "POST",
  json: { create_request: create },
  heartbeat: ({ result }) => result?.events === undefined && result?.compact_revision === undefined,
  resume: {
    from,
    cursor: ({ result }) => result?.events?.at(-1)?.kv.mod_revision,
    apply: (request, revision) =>
      request.withJson({ create_request: { ...create, start_revision: String(Number(revision) + 1) } }),
    gap: ({ result }) =>
      result?.compact_revision ? { to: String(Number(result.compact_revision) - 1), reopen: true } : undefined,
    onGap: "restart",
    forever: true, // a shutdown is a proper end of the answer, and none of the watch
  },
});
process.once("SIGINT", () => client.close());

void (async () => {
  for await (const notice of rows.notices()) {
    if (notice.type === "gap") console.error(`compacted: what came after ${notice.from}, up to ${notice.to}`);
  }
})();

for await (const { result } of rows) {
  for (const { kv } of result?.events ?? []) console.log(kv.mod_revision, atob(kv.value ?? ""));
}
await client.close();
