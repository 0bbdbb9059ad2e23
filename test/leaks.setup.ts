// Every test of the repository leaves nothing behind: what was not open before it is not open after it. The counter begins before
// the hooks of the test's own file, and checks after all of them.

import { type LeakKind, leakCounter } from "@longwire/testing/leaks";
import { beforeEach } from "vitest";

/** What is not ours to close, by test file. */
const exemptions: Readonly<Record<string, readonly LeakKind[]>> = {
  // Node's fetch holds on to the last exchange that broke, and to the signal that it was given.
  "packages/core/test/transport/fetch-transport.test.ts": ["abort listener"],
  // msw 3 leaves the mock socket of each request open, and its own listeners on it.
  "test/faults/msw.test.ts": ["socket", "abort listener"],
};

// The runner's own time limit of a hook is a timer, which would be counted: `check` has a limit itself.
const noTimer = 0;

beforeEach(({ task, onTestFinished }) => {
  const leaks = leakCounter({ except: exemptions[task.file.name] });
  onTestFinished(leaks.check, noTimer);
}, noTimer);
