// Shows every claim on the runtime that runs this, one after the other: a line of JSON on stdout for each. Its argument is the folder
// of the certificates. It ends by itself: nothing that a claim opened may keep it alive.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { leakCounter } from "@longwire/testing/leaks";
import type { Claim, Verdict } from "./claim.ts";
import { claims } from "./claims.ts";

const folder = process.argv[2] as string;
const pem = (name: string): string => readFileSync(join(folder, name), "utf8");
const secrets = { ca: pem("ca.pem"), pair: { key: pem("key.pem"), cert: pem("cert.pem") } };

const deadlineMs = 10_000;

for (const [claim, show] of claims) {
  const failure = await failureOf(show);
  const verdict: Verdict = { claim, ...(failure !== undefined && { failure }) };
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
}

// No `await using`: Node 22 cannot read it.
async function failureOf(show: Claim): Promise<string | undefined> {
  // fetch holds on to the last exchange that broke, and to the signal that it was given.
  const leaks = leakCounter({ except: ["abort listener"] });
  const works: (() => unknown)[] = [];
  const failures: unknown[] = [];
  const attempt = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  };
  await attempt(() => withinDeadline(show({ ...secrets, after: (work) => void works.unshift(work) })));
  for (const work of works) await attempt(work);
  await attempt(() => leaks.check());
  const [first] = failures;
  return first === undefined ? undefined : first instanceof Error ? (first.stack ?? first.message) : String(first);
}

/** One claim that hangs leaves the others theirs. */
async function withinDeadline(shown: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`It was not shown within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    await Promise.race([shown, late]);
  } finally {
    clearTimeout(timer);
  }
}
