// The page of `longwire serve` in a real browser: it shows what the server does, with nothing but what browsers have.

import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type CliProcess, startCli } from "../faults/cli-process.ts";
import { describeWithPeer } from "../interop/peers.ts";
import { type VisitedPage, type Visiting, visiting } from "./visiting.ts";

const patience = { timeout: 20_000 };

describeWithPeer("chromium", "the page of longwire serve in Chromium", () => {
  let chromium: Visiting;
  let server: CliProcess;
  let url: string;
  let tab: VisitedPage;

  beforeAll(async () => {
    chromium = await visiting();
    return () => chromium[Symbol.asyncDispose]();
  }, 60_000);
  beforeEach(async () => {
    server = startCli(["serve", "--listen", "127.0.0.1:0", "--every", "50ms"], { deadlineMs: 60_000 });
    await server.printed("stdout", "\n");
    url = server.seen.stdout.trim();
    tab = await chromium.visit(url);
  });
  afterEach(async () => {
    expect(tab.failures).toEqual([]);
    await tab[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it("shows the same ticks at three readers, one after the other, under the same times", async () => {
    const seen = await tab.page.evaluate(watchReaders, 30);
    expect(Object.keys(seen)).toEqual(["EventSource", "fetch, NDJSON", "WebSocket"]);
    const numbers = Object.values(seen).map((ticks) => ticks.map(numberOf));
    for (const ticks of numbers) expect(ticks).toEqual(ticks.map((_, index) => (ticks[0] as number) + index));
    const shared = Object.values(seen).map((ticks) => new Set(ticks));
    const [first = new Set<string>(), ...others] = shared;
    const common = [...first].filter((tick) => others.every((ticks) => ticks.has(tick)));
    // They began in different moments, and were watched for 30 ticks.
    expect(common.length).toBeGreaterThan(15);
    const last = Math.min(...numbers.map((ticks) => ticks.at(-1) as number));
    expect(common.map(numberOf).at(-1)).toBe(last);
  });

  it("goes through cuts with none lost and none twice", async () => {
    const output = (): Promise<string> => tab.text("#cuts output");
    await expect.poll(output, { timeout: 45_000 }).toMatch(/: done$/);
    const [, cuts] = /^120 of 120 received, (\d+) cuts, 0 lost, 0 twice: done$/.exec(await output()) ?? [];
    expect(Number(cuts), await output()).toBeGreaterThan(4);
    const told =
      server.seen.stderr.match(/^\* cut +a (RST|FIN|clean end) (inside|after) item \d+ of \/events$/gm) ?? [];
    expect(told.length).toBe(Number(cuts));
  }, 60_000);

  it("shows faults as a browser sees them, and goes on to the next though one never ends", async () => {
    const shown = (): Promise<string> => tab.text("#faults pre");
    const ask = async (fault: string): Promise<void> => {
      await tab.page.selectOption("#faults select", fault);
      await tab.page.click("#faults button");
    };
    await ask("resetAfter=200");
    await expect.poll(shown, patience).toMatch(/^200 OK\n\{"seq":1,[\s\S]*\nIt broke: TypeError/);
    await ask("status=503");
    await expect.poll(shown, patience).toMatch(/^503 Service Unavailable\nIt ended well/);
    // More of them than a browser has connections for one server.
    for (let time = 0; time < 8; time++) await ask(time % 2 === 0 ? "stall=200" : "blackhole=1");
    await ask("size=10");
    await expect.poll(shown, patience).toMatch(/^200 OK\n(\{"seq":\d+,.*"padding":"x{10}"\}\n){20}It ended well/);
  });

  it("what is said in one page is heard in all, and the echo answers", async () => {
    await using other = await chromium.visit(url);
    const heard = (of: VisitedPage): Promise<string> => of.text("#chat pre");
    for (const one of [tab, other]) await expect.poll(() => heard(one), patience).toBe("You are in.\n");
    await tab.page.fill("#chat input", "<b>hello</b>");
    await tab.page.click("#chat form button");
    for (const one of [tab, other]) await expect.poll(() => heard(one), patience).toBe("You are in.\n<b>hello</b>\n");
    await expect.poll(() => tab.text("#chat output"), patience).toMatch(/^\d+\.\d ms$/);
    expect(other.failures).toEqual([]);
  });

  it("says what becomes of its readers when the server ends", async () => {
    await expect.poll(() => tab.text("#live tbody"), patience).toMatch(/EventSource\s+open[\s\S]*open[\s\S]*open/);
    server.child.kill("SIGINT");
    expect((await server.ended).code).toBe(0);
    const readers = (): Promise<string> => tab.text("#live tbody");
    await expect.poll(readers, patience).toMatch(/EventSource\s+(waiting|closed)/);
    expect(await readers()).toMatch(/fetch, NDJSON\s+ended/);
    expect(await readers()).toMatch(/WebSocket\s+closed, 1001/);
    expect(await tab.text("#chat pre")).toBe("You are in.\nClosed, 1001.\n");
  });
});

/** In the page: what each reader shows as the latest tick, until all have shown so many. */
function watchReaders(count: number): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = {};
  return new Promise((resolve) => {
    const look = (): void => {
      for (const row of document.querySelectorAll("#live tbody tr")) {
        const [name = "", , , latest = ""] = [...row.children].map((cell) => cell.textContent ?? "");
        seen[name] ??= [];
        const ticks = seen[name];
        if (latest !== "" && ticks.at(-1) !== latest) ticks.push(latest);
      }
      if (Object.values(seen).some((ticks) => ticks.length < count)) return;
      observer.disconnect();
      resolve(seen);
    };
    const observer = new MutationObserver(look);
    observer.observe(document.querySelector("#live tbody") as Element, { subtree: true, childList: true });
  });
}

function numberOf(tick: string): number {
  return Number(/^tick (\d+), /.exec(tick)?.[1]);
}
