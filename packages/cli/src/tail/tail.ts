import { type Dialect, type EventStream, openStream, type StreamOptions } from "@longwire/core";
import { nodeTransport } from "@longwire/node";
import { exitCodes, outputFailed } from "../exit-codes.ts";
import type { Item } from "./item.ts";
import { Output } from "./output.ts";
import { paintFor } from "../paint.ts";
import { printerFor } from "./printer.ts";
import { recordCursor } from "./record-cursor.ts";
import { type Reporter, reporter } from "./reporter.ts";
import { tailDialect } from "./tail-dialect.ts";
import { type TailFlags, tailOptions } from "./tail-options.ts";
import { UsageError } from "../usage-error.ts";
import type { World } from "../world.ts";

/**
 * Prints a stream until it ends, and answers with the exit code.
 *
 * @throws UsageError, before anything is sent
 */
export async function tail(url: string, flags: TailFlags, world: World): Promise<number> {
  const { stdout, stderr, clock, interrupted } = world;
  const options = await tailOptions(flags, world);
  const dialect = tailDialect(flags.as, flags);
  const transport = nodeTransport();
  try {
    const stream = opened(url, dialect, { ...options, transport });
    const report = reporter(stderr, url, flags.quiet === true);
    const output = new Output(stdout, () => void stream.close());
    const print = printerFor(flags.output ?? (stdout.isTTY ? "pretty" : "data"), {
      paint: paintFor(stdout),
      recordCursor: flags.cursor === undefined ? undefined : recordCursor(flags.cursor),
    });
    const startedMs = clock.now();
    const counts = { printed: 0 };
    const reported = reportNotices(stream, report);
    const write = (items: readonly Item[]): Promise<void> => output.write(items.map(print), interrupted);
    await printItems(stream, flags.max, counts, write);
    const outcome = await stream.outcome;
    await reported;
    if (output.left) return exitCodes.closed;
    if (output.error) report.error(`Cannot write to stdout: ${output.error.message}`);
    else if (outcome.error !== undefined && outcome.code !== "aborted") report.error(outcome.error);
    report.summary({ ...outcome, printed: counts.printed, elapsedMs: clock.now() - startedMs });
    return output.error ? outputFailed : exitCodes[outcome.code];
  } finally {
    await transport.destroy();
  }
}

function opened(url: string, dialect: Dialect<Item>, options: StreamOptions<Item>): EventStream<Item> {
  try {
    return openStream(url, dialect, options);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Writes until the end or `max`, and waits for every write. How it ended is for the outcome to tell. */
async function printItems(
  stream: EventStream<Item>,
  max: number | undefined,
  counts: { printed: number },
  write: (items: readonly Item[]) => Promise<void>,
): Promise<void> {
  try {
    for await (const items of max === undefined ? stream.batches() : singly(stream)) {
      await write(items);
      stream.ack();
      counts.printed += items.length;
      if (counts.printed === max) break;
    }
  } catch (error) {
    if (error !== (await stream.outcome).error) throw error;
  }
}

/** One by one, so that the last one acknowledged is the last one printed. */
async function* singly(stream: EventStream<Item>): AsyncGenerator<readonly Item[], undefined> {
  for await (const item of stream) yield [item];
}

/** Tells what happens to the stream, until it is closed. */
async function reportNotices(stream: EventStream<Item>, report: Reporter): Promise<void> {
  for await (const notice of stream.notices()) report.notice(notice);
}
