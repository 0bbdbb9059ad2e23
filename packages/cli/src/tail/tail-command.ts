import { Command, Option } from "commander";
import { exitCodesHelp } from "../exit-codes.ts";
import { collected, duration, integer } from "../parsed.ts";
import { outputs } from "./printer.ts";
import { readings } from "./tail-dialect.ts";
import type { TailFlags } from "./tail-options.ts";

/** The subcommand `tail`; `run` does the work. */
export function tailCommand(run: (url: string, flags: TailFlags) => Promise<void>): Command {
  return new Command("tail")
    .summary("print a stream as it arrives, through cuts and restarts")
    .description(
      "Prints what a URL streams, as it arrives. When the connection breaks it is opened again and goes on where it was: " +
        "Server-Sent Events by Last-Event-ID, NDJSON and json-seq by --cursor and --cursor-param, bytes by Range. Data goes to stdout, all else to stderr.",
    )
    .argument("<url>", "http:// or https://; a user:password@ in it becomes basic auth")
    .addOption(
      new Option(
        "--as <reading>",
        "how to read the body; auto goes by its media type, and reads what it does not know as lines",
      )
        .choices(readings)
        .default("auto"),
    )
    .option("-H, --header <line>", "a request header, 'Name: value'; 'Name:' leaves one out; repeatable", collected)
    .option("-X, --request <method>", "the method; GET, or POST with -d")
    .option(
      "-d, --data <data>",
      "the body to send, as it is: text, @file, or @- for stdin; JSON is sent as application/json",
    )
    .option("-u, --user <user:password>", "basic auth, for the origin of the URL only")
    .option("--max <items>", "stop after so many items", (text) => integer(text, 1))
    .option("--idle <duration>", "longest silence, such as 30s; 0 waits for ever (default: 5m, bytes 1m)", duration)
    .option("--retries <count>", "retries in a row before giving up; 0 makes one attempt (default: for ever)", (text) =>
      integer(text, 0),
    )
    .option("--until <text>", "end when an event's data, or a line, is this text; it is not printed")
    .option(
      "--since <cursor>",
      "begin after this resume point: an event id, a value of --cursor-param, or a byte offset with --as bytes",
    )
    .option("--cursor <field>", "where a record of JSON has its resume point, such as seq or metadata.resourceVersion")
    .option("--cursor-param <name>", "the query parameter that asks for what comes after a resume point")
    .addOption(
      new Option(
        "--output <form>",
        "what to print of an item, see below (default: pretty on a terminal, data elsewhere)",
      ).choices(outputs),
    )
    .option("-q, --quiet", "nothing on stderr but the error that ended the stream")
    .addHelpText("after", `\n${formsHelp}\n${exitCodesHelp}\n${examplesHelp}`)
    .action(run);
}

const formsHelp = `Output:
  pretty  for people: id, type and data, in colours on a terminal; control
          characters are printed by their number
  json    one object a line, such as {"type":"price","data":"12.5","id":"7"};
          the data of a record is the record, that of bytes is base64
  data    the event's data, the record, the line, the bytes
  raw     the same, and events as blocks of SSE
`;

const examplesHelp = `Examples:
  longwire tail https://sse.example/prices
  longwire tail https://api.example/chat -H 'Authorization: Bearer …' \\
    -d @prompt.json --until '[DONE]' --output data
  longwire tail 'https://db.example/_changes?feed=continuous' \\
    --cursor seq --cursor-param since --since 0 | jq .id
`;
