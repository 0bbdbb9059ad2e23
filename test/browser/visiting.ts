import { chromium, type Page } from "playwright-core";
import { peers } from "../interop/peer-list.ts";
import { quietFlags } from "./chromium.ts";

/** A real Chromium that visits pages of others. Disposing of it ends the browser. */
export interface Visiting extends AsyncDisposable {
  /** Opens a page in a tab of its own. */
  visit(url: string): Promise<VisitedPage>;
}

/** Disposing of it closes the tab. */
export interface VisitedPage extends AsyncDisposable {
  readonly page: Page;
  /** What its scripts threw and nobody caught. */
  readonly failures: readonly string[];
  /** What stands in an element, as it is shown. */
  text(selector: string): Promise<string>;
}

export async function visiting(): Promise<Visiting> {
  const executablePath = peers.chromium.needs[0];
  const browser = await chromium.launch({ executablePath, args: quietFlags, timeout: 20_000 });
  return {
    async visit(url) {
      const page = await browser.newPage();
      const failures: string[] = [];
      page.on("pageerror", ({ message }) => failures.push(message));
      await page.goto(url, { timeout: 20_000 });
      return {
        page,
        failures,
        text: (selector) => page.innerText(selector),
        [Symbol.asyncDispose]: () => page.close(),
      };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
