import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { buildGo } from "./contenders/go.ts";
import { option, rotated, spread } from "./measure.ts";
import { startOrigin } from "./origin.ts";

/** What is compared over the wire. */
export interface WireContest<Contender extends string, Cell extends string, Figure extends string> {
  /** The bench file itself: `import.meta.filename`. It is run again for each measurement. */
  readonly file: string;
  /** Those of every cell, or by cell. */
  readonly contenders: readonly Contender[] | Readonly<Record<Cell, readonly Contender[]>>;
  readonly cells: readonly Cell[];
  /** Whether "Go" is among the contenders. */
  readonly withGo?: boolean;
  readonly nodeFlags?: readonly string[];
  /** Measures once, in a process of its own. `origin` is the URL of the server, `go` the Go client. */
  measure(contender: Contender, cell: Cell, origin: string, go: string | undefined): Promise<Record<Figure, number>>;
}

/** One figure a round, by cell, contender and what was measured. */
export type WireFigures<Contender extends string, Cell extends string, Figure extends string> = Record<
  Cell,
  Partial<Record<Contender, Record<Figure, number[]>>>
>;

/**
 * Runs a contest: for each contender, cell and round a fresh client process and a fresh server process; the contenders of a
 * cell straight after one another, in rotated order. `--rounds N` (7), `--cells TEXT` and `--only TEXT,TEXT` (contenders) shorten it.
 */
export async function contestOverTheWire<Contender extends string, Cell extends string, Figure extends string>(
  contest: WireContest<Contender, Cell, Figure>,
): Promise<WireFigures<Contender, Cell, Figure>> {
  const client = process.argv.indexOf("--client");
  if (client > 0) {
    const [contender, cell, origin, go] = process.argv.slice(client + 1) as [Contender, Cell, string, string];
    console.log(JSON.stringify(await contest.measure(contender, cell, origin, go || undefined)));
    process.exit(0);
  }
  const go = contest.withGo ? buildGo("client") : undefined;
  const cells = contest.cells.filter((cell) => contest.cells.length === 1 || cell.includes(option("--cells") ?? ""));
  const only = option("--only")?.split(",") ?? [""];
  const { contenders } = contest;
  const takingPart = (cell: Cell): Contender[] =>
    ("filter" in contenders ? contenders : contenders[cell]).filter(
      (contender) => only.some((part) => contender.includes(part)) && (contender !== "Go" || go !== undefined),
    );
  const figures = Object.fromEntries(cells.map((cell) => [cell, {}])) as WireFigures<Contender, Cell, Figure>;
  const rounds = Number(option("--rounds") ?? 7);
  for (let round = 0; round < rounds; round++) {
    for (const cell of cells) {
      for (const contender of rotated(takingPart(cell), round)) {
        const measured = await inClientProcess(contest, contender, cell, go);
        const all = (figures[cell][contender] ??= {} as Record<Figure, number[]>);
        for (const name of Object.keys(measured) as Figure[]) (all[name] ??= []).push(measured[name]);
      }
    }
  }
  return figures;
}

/** The figures of `name` that every contender has, in the order of the contest. */
export function column<Contender extends string, Figure extends string>(
  cell: Partial<Record<Contender, Record<Figure, number[]>>>,
  contenders: readonly Contender[],
  name: Figure,
): [Contender, number[]][] {
  return contenders.flatMap((contender): [Contender, number[]][] => {
    const figures = cell[contender];
    return figures === undefined ? [] : [[contender, figures[name]]];
  });
}

/** Ratios of two contenders, round by round. */
export function ratios(figures: readonly number[], base: readonly number[]): number[] {
  return figures.map((figure, round) => figure / (base[round] ?? Number.NaN));
}

/** Prints whether `figure` is at least `least`, as {@link atMost} does. */
export function atLeast(kind: "hard" | "goal", name: string, figure: number, least: number): void {
  told(kind, figure >= least, `${name}: ${figure.toFixed(3)} (at least ${least})`);
}

/** Ratios to print; a dash without a base. */
export function shownRatio(figures: readonly number[], base: readonly number[]): string {
  return base.length === 0 ? "-" : spread(ratios(figures, base), 2);
}

/** Prints whether `figure` is at most `most`. A `hard` one that is missed makes the exit code 1; a goal is only told. */
export function atMost(kind: "hard" | "goal", name: string, figure: number, most: number): void {
  told(kind, figure <= most, `${name}: ${figure.toFixed(3)} (at most ${most})`);
}

function told(kind: "hard" | "goal", reached: boolean, what: string): void {
  console.log(`${reached ? "pass" : kind === "hard" ? "FAIL" : "goal missed"}  ${what}`);
  if (!reached && kind === "hard") process.exitCode = 1;
}

/** CPU (user + system, every thread of this process) and wall time of `work`, in µs. */
export async function cost(work: () => Promise<void>): Promise<{ cpuUs: number; wallUs: number }> {
  const before = process.cpuUsage();
  const started = process.hrtime.bigint();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: user + system, wallUs: Number(process.hrtime.bigint() - started) / 1_000 };
}

/** `--quick`: less work a measurement, for a first look. */
export const quick = process.argv.includes("--quick");

async function inClientProcess<Contender extends string, Cell extends string, Figure extends string>(
  contest: WireContest<Contender, Cell, Figure>,
  contender: Contender,
  cell: Cell,
  go: string | undefined,
): Promise<Record<Figure, number>> {
  await using origin = await startOrigin();
  const given = process.argv.slice(2);
  const words = [
    ...(contest.nodeFlags ?? []),
    contest.file,
    ...given,
    "--client",
    contender,
    cell,
    origin.url,
    go ?? "",
  ];
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: measurementMs,
    killSignal: "SIGKILL",
  });
  const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (code !== 0) throw new Error(`${contender} failed in "${cell}": ${signal ?? `exit code ${code}`}`);
  return JSON.parse(printed);
}

const measurementMs = 180_000;
