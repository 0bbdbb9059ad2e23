// npm run demo: `longwire serve`, which cuts its connections now and then, two streams read from it by `longwire tail`, and at the end a count of what
// was sent and what was received. `--lose-one` has the server leave an item out: the count must notice.

import { styleText } from "node:util";
import { serving } from "./demo/serving.ts";
import { type Tailed, tailed } from "./demo/tailed.ts";
import { type Verdict, verdict } from "./demo/verdict.ts";

const toStderr = { stream: process.stderr } as const;
const colours = { server: "magenta", events: "cyan", rows: "yellow" } as const;
const deadlineMs = 20_000;
const itemsPerLine = 20;
const items = 120;
const cuts = { events: 0, rows: 0 };

await using server = await serving((how) => {
  cuts[how.endsWith("/events") ? "events" : "rows"]++;
  say("server", styleText(["red", "bold"], `✂ ${how}`, toStderr));
});
say("server", `${items} items a feed, one every 25 ms; connections are cut now and then (seed 7)`);
const query = `count=${items}&every=25ms&cuts=7`;
const lose = process.argv.includes("--lose-one") ? "&lose=60" : "";
const [events, rows] = await Promise.all([
  watched("events", [`${server.url}/events?${query}${lose}`, "--until", "[DONE]"]),
  watched("rows", [`${server.url}/rows?${query}`, "--cursor", "seq", "--cursor-param", "since"]),
]);
const verdicts = { events: verdict(items, cuts.events, events), rows: verdict(items, cuts.rows, rows) };
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
