import { Command } from "commander";
import { serverExitCodesHelp } from "../exit-codes.ts";
import type { ListenAddress } from "../listen-address.ts";
import { listenOption, period } from "../parsed.ts";

/** What stands on the command line of `serve`, as commander hands it on. */
export interface ServeFlags {
  readonly listen: ListenAddress;
  /** Milliseconds. */
  readonly every?: number;
  readonly quiet?: boolean;
}

/** The subcommand `serve`; `run` does the work. */
export function serveCommand(run: (flags: ServeFlags) => Promise<void>): Command {
  return new Command("serve")
    .summary("a demo origin: streams of every kind, with faults on request, and a page that shows them")
    .description(
      "Serves streams to try a client on: Server-Sent Events, NDJSON, bytes and WebSockets, whole or broken as the URL asks for, and a page that " +
        "shows them live. The URL to ask at is printed on stdout, all else on stderr.",
    )
    .addOption(listenOption("127.0.0.1:8080"))
    .option("--every <duration>", "from one item of /live to the next (default: 1s)", period)
    .option("-q, --quiet", "nothing on stderr but why it cannot listen")
    .addHelpText("after", `\n${pathsHelp}\n${faultsHelp}\n${serverExitCodesHelp}\n${examplesHelp}`)
    .action(run);
}

const pathsHelp = `What it serves:
  /        a page that shows all of it live
  /events  numbered events: ?count=, ?every=250ms, ?size= bytes of padding,
           ?retry= ms; resumed by Last-Event-ID; behind the last one [DONE]
  /rows    the same as NDJSON, resumed by ?since=
  /bytes   ?size=1048576 bytes, with ETag, Range and If-Range
  /live    one publisher for all: events, rows (Accept: application/x-ndjson)
           or WebSocket, resumed by Last-Event-ID; WebSockets by ?lastEventId=
           too, since pages cannot send headers with them
  /echo    a WebSocket that sends back what it gets
  /chat    a WebSocket that sends what it gets to everybody
`;

const faultsHelp = `What breaks, by the query of any of these:
  cutAfter=N  resetAfter=N  halfClose=N   FIN, RST, half a FIN after N bytes
  stall=N  gzipStall=N                    after N bytes nothing more comes
  blackhole=1                             no answer at all
  firstMs=N  chunkMs=N                    waits before the answer, and in it
  slice=1,7  drip=BYTES,MS                in pieces of so many bytes
  badUtf8=N  splitBom=1                   what is no text; a mark in pieces
  status=503  retryAfter=3                that answer instead
  cuts=SEED                               /events and /rows: a cut now and then
  lose=N                                  /events and /rows: one is left out
  Bytes are those of the body; of WebSockets those of the connection, where a
  cut in the head is a 502. gzipStall, badUtf8 and splitBom are for bodies.
`;

const examplesHelp = `Examples:
  longwire serve
  longwire tail 'http://127.0.0.1:8080/events?count=100&cuts=7' --until '[DONE]'
  curl -N 'http://127.0.0.1:8080/rows?resetAfter=200'
`;
