// npm run demo: a server that cuts its connections now and then, two streams read from it by the real command line, and at the
// end a count of what was sent and what was received. `--lose-one` has the server lose an item: the count must notice.

import { styleText } from "node:util";
import { type FeedServerOptions, feedServer } from "./demo/feed-server.ts";
import { type Tailed, tailed } from "./demo/tailed.ts";
import { type Verdict, verdict } from "./demo/verdict.ts";

const toStderr = { stream: process.stderr } as const;
const colours = { server: "magenta", events: "cyan", rows: "yellow" } as const;
const deadlineMs = 14_000;
const itemsPerLine = 20;

const options: FeedServerOptions = {
  items: 120,
  everyMs: 50,
  seed: 7,
  loses: process.argv.includes("--lose-one") ? 60 : 0,
  onCut: (feed, how) => say("server", styleText(["red", "bold"], `✂ ${how} of ${feed}`, toStderr)),
};
await using server = await feedServer(options);
say(
  "server",
  `${options.items} items a feed, one every ${options.everyMs} ms; connections are cut (seed ${options.seed})`,
);
const [events, rows] = await Promise.all([
  watched("events", [`${server.url}/events`, "--until", "[DONE]"]),
  watched("rows", [`${server.url}/rows`, "--cursor", "seq", "--cursor-param", "since"]),
]);
const verdicts = { events: verdict(server.feeds.events, events), rows: verdict(server.feeds.rows, rows) };
console.log(summary(verdicts));
process.exitCode = Object.values(verdicts).every(({ good }) => good) ? 0 : 1;

/** Tails one feed; shows its items by their numbers, a line at a time, and what happens to it. */
async function watched(name: "events" | "rows", words: readonly string[]): Promise<Tailed> {
  let numbers: number[] = [];
  const flush = (): void => {
    if (numbers.length > 0) say(name, numbers.join(" "));
    numbers = [];
  };
  const result = await tailed(words, deadlineMs, {
    onItem(seq) {
      if (numbers.push(seq) === itemsPerLine) flush();
    },
    onNotice(line) {
      flush();
      say(name, line);
    },
  });
  flush();
  return result;
}

function say(who: keyof typeof colours, text: string): void {
  console.error(`${styleText(colours[who], who.padEnd(6), toStderr)}  ${text}`);
}

function summary(verdicts: Readonly<Record<string, Verdict>>): string {
  const columns = ["feed", "sent", "received", "cuts", "lost", "twice", "exit code"];
  const table = Object.entries(verdicts).map(([name, { sent, received, cuts, lost, twice, exitCode }]) =>
    [name, sent, received, cuts, lost.length, twice.length, exitCode ?? "killed"].map(String),
  );
  const lines = [columns, ...table].map((cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(8) : cell.padStart(10))).join(""),
  );
  const faults = Object.entries(verdicts).flatMap(([name, { good, lost, twice }]) =>
    good
      ? []
      : [
          `${name}: ${lost.length > 0 ? `lost ${lost.join(" ")}` : twice.length > 0 ? `twice ${twice.join(" ")}` : "did not end well"}`,
        ],
  );
  const good = faults.length === 0;
  const words = good ? "None lost, none twice, through every cut." : `NOT GOOD. ${faults.join("; ")}`;
  return `\n${lines.join("\n")}\n\n${styleText(good ? ["green", "bold"] : ["red", "bold"], words, { stream: process.stdout })}`;
}
