// `npm run bench -- [name…] [options]`: the named benches, or all of them, one after another.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";

const benches = [
  "decode-sse",
  "decode-ndjson",
  "sse-end-to-end",
  "body",
  "latency",
  "open-streams",
  "websocket",
  "open-sockets",
  "relay",
  "publisher",
];
/** No contests: they run only when they are named. */
const named = ["layers", "soak"];

const usage = `npm run bench -- [name…] [--rounds N] [--quick] [--cells TEXT]

  name       ${benches.join(" | ")}; none: all of them
             ${named.join(" | ")}: only when named; what each layer costs, and what hours do to memory
  --rounds   fresh processes for each contender and cell (7; with --quick 2)
  --quick    less work a measurement too: a first look, no figure to quote
  --cells    only the cells with that text in their name
  --streams  open-streams, open-sockets, soak: how many (10,000)
  --minutes  soak: how long (5)

More options (--only, --events, --messages, --gib, --seconds) stand at the top of the bench they belong to:
node test/bench/NAME.ts [options]`;

const { positionals: asked, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    cells: { type: "string" },
    streams: { type: "string" },
    minutes: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const unknown = asked.filter((name) => ![...benches, ...named].includes(name));
if (values.help || unknown.length > 0) {
  console.error(unknown.length > 0 ? `No bench ${unknown.join(", ")}.\n\n${usage}` : usage);
  process.exit(values.help ? 0 : 2);
}

const options: string[] = [];
const rounds = values.rounds ?? (values.quick ? "2" : undefined);
if (rounds !== undefined) options.push("--rounds", rounds);
for (const name of ["cells", "streams", "minutes"] as const) {
  const value = values[name];
  if (value !== undefined) options.push(`--${name}`, value);
}
if (values.quick) options.push("--quick");

const missed: string[] = [];
for (const name of asked.length > 0 ? asked : benches) {
  console.log(`\n# ${name}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...options], { stdio: "inherit" });
  if ((await once(child, "exit"))[0] !== 0) missed.push(name);
}
if (missed.length > 0) {
  console.error(`\nFailed or missed a hard figure: ${missed.join(", ")}`);
  process.exitCode = 1;
}
