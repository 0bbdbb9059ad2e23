import { Command } from "commander";
import { serverExitCodesHelp } from "../exit-codes.ts";
import type { ListenAddress } from "../listen-address.ts";
import { collected, duration, listenOption } from "../parsed.ts";

/** What stands on the command line of `relay`, as commander hands it on. Durations are in ms. */
export interface RelayFlags {
  readonly listen: ListenAddress;
  readonly to: string;
  /** Lines of `Name: value`. */
  readonly header?: readonly string[];
  readonly connect?: number;
  readonly head?: number;
  readonly idle?: number;
  readonly trustForwarded?: boolean;
  readonly quiet?: boolean;
}

/** The subcommand `relay`; `run` does the work. */
export function relayCommand(run: (flags: RelayFlags) => Promise<void>): Command {
  return new Command("relay")
    .summary("pass on what another server streams: a reverse proxy that holds nothing back")
    .description(
      "Listens, and passes every request on to another server: bodies chunk by chunk as they come, both ways at once, WebSockets and other upgrades too. " +
        "What breaks on one side breaks on the other; an upstream that gives no answer is a 502 or 504. The URL to ask at is printed on stdout, all else on stderr.",
    )
    .requiredOption(
      "--to <url>",
      "the server to pass on to: http://, https:// or unix:/run/a.sock:/path; its path goes before all others",
    )
    .addOption(listenOption("127.0.0.1:8080"))
    .option("-H, --header <line>", "set on each request, 'Name: value'; 'Name:' leaves one out; repeatable", collected)
    .option(
      "--connect <duration>",
      "longest wait for a connection; 0, here and below, waits for ever (default: 10s)",
      duration,
    )
    .option(
      "--head <duration>",
      "longest wait for the answer to begin (default: 1m; 10m for POST and its like)",
      duration,
    )
    .option("--idle <duration>", "longest silence behind that (default: 5m)", duration)
    .option("--trust-forwarded", "believe what clients say in Forwarded and X-Forwarded-*; only behind another proxy")
    .option("-q, --quiet", "nothing on stderr but why it cannot listen")
    .addHelpText("after", `\n${serverExitCodesHelp}\n${examplesHelp}`)
    .action(run);
}

const examplesHelp = `Examples:
  longwire relay --to https://api.example.com/v1 -H 'Authorization: Bearer …'
  longwire relay --listen unix:/run/relay.sock --to http://127.0.0.1:9000
`;
