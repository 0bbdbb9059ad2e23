import { once } from "node:events";
import { createInterface } from "node:readline";
import { started } from "./longwire.ts";

/** A running `longwire serve`. */
export interface Serving extends AsyncDisposable {
  readonly url: string;
}

/** Starts one on a port that is free. `onCut` is told of each cut that it makes, such as `a RST inside item 7 of /events`. */
export async function serving(onCut: (how: string) => void): Promise<Serving> {
  const child = started(["serve", "--listen", "127.0.0.1:0"]);
  createInterface(child.stderr).on("line", (line) => {
    const [, how] = /^\* cut +(a .+)$/.exec(line) ?? [];
    if (how !== undefined) onCut(how);
  });
  const gone = once(child, "close");
  const [url] = (await Promise.race([once(createInterface(child.stdout), "line"), gone])) as [string | number | null];
  if (typeof url !== "string") throw new Error("longwire serve did not start");
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}
