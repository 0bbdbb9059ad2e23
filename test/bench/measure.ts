import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** What is compared: every contender does the same job in every cell. */
export interface Contest<Contender extends string, Cell extends string> {
  /** The bench file itself: `import.meta.filename`. It is run again for each measurement. */
  readonly file: string;
  readonly contenders: readonly Contender[];
  readonly cells: readonly Cell[];
  /** Prepares a job. One call of it does the whole work once and answers how many items it made. */
  job(contender: Contender, cell: Cell): Promise<() => number>;
}

/** CPU nanoseconds per item, by cell and contender, one figure a round. */
export type Figures<Contender extends string, Cell extends string> = Record<Cell, Record<Contender, number[]>>;

/**
 * Runs a contest: a fresh process for each contender, cell and round; the contenders of a cell straight after one another, in
 * rotated order. Time is CPU time (user + system) of that process, after a warm-up. `--rounds N` shortens it, `--cells TEXT`
 * takes only the cells with that text in their name.
 */
export async function measured<Contender extends string, Cell extends string>(
  contest: Contest<Contender, Cell>,
): Promise<Figures<Contender, Cell>> {
  const one = process.argv.indexOf("--one");
  if (one > 0) {
    const [contender, cell] = process.argv.slice(one + 1) as [Contender, Cell];
    console.log(cpuNsPerItem(await contest.job(contender, cell)));
    process.exit(0);
  }
  const cells = contest.cells.filter((cell) => cell.includes(option("--cells") ?? ""));
  const figures = Object.fromEntries(
    cells.map((cell) => [cell, Object.fromEntries(contest.contenders.map((contender) => [contender, [] as number[]]))]),
  ) as Figures<Contender, Cell>;
  const rounds = Number(option("--rounds") ?? 7);
  for (let round = 0; round < rounds; round++) {
    for (const cell of cells) {
      for (const contender of rotated(contest.contenders, round)) {
        const child = spawn(process.execPath, [contest.file, "--one", contender, cell], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
        if (code !== 0) throw new Error(`${contender} failed in ${cell} with exit code ${code}`);
        figures[cell][contender].push(Number(printed));
      }
    }
  }
  return figures;
}

/** Ratio of two contenders by round, how many times faster the first one is. */
export function timesFaster(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((figure, round) => (theirs[round] as number) / figure);
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function geometricMean(figures: readonly number[]): number {
  return Math.exp(figures.reduce((sum, figure) => sum + Math.log(figure), 0) / figures.length);
}

/** Median, and in brackets the least and the greatest. */
export function spread(figures: readonly number[], fractionDigits: number): string {
  const [middle, least, greatest] = [median(figures), Math.min(...figures), Math.max(...figures)].map((n) =>
    n.toFixed(fractionDigits),
  );
  return `${middle} (${least}-${greatest})`;
}

/** Columns padded to their widest cell; the first one to the left, the others to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  for (const row of rows) {
    const padded = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(padded.join("  "));
  }
}

/** Prints one line for each hard figure; a missed one makes the exit code 1. */
export function judge(name: string, figure: number, atLeast: number): void {
  const reached = figure >= atLeast;
  console.log(`${reached ? "pass" : "FAIL"}  ${name}: ${figure.toFixed(3)} (at least ${atLeast})`);
  if (!reached) process.exitCode = 1;
}

function cpuNsPerItem(job: () => number): number {
  for (const until = cpuMs() + warmUpMs; cpuMs() < until; ) job();
  let items = 0;
  const started = cpuMs();
  do items += job();
  while (cpuMs() - started < measuredMs);
  return ((cpuMs() - started) * 1e6) / items;
}

const warmUpMs = 250;
const measuredMs = 350;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The list, begun `by` places further on. */
export function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** The word after `name` on the command line. */
export function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : undefined;
}
