import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { Output } from "../../src/tail/output.ts";

const never = new AbortController().signal;

describe("stdout", () => {
  test("takes strings as text and bytes as they are", async () => {
    const stream = new Taker();
    const output = new Output(stream, () => {});
    await output.write(["ä\n", "b\n"], never);
    await output.write([new Uint8Array([0xff]), "c"], never);
    expect(Buffer.concat(stream.taken)).toEqual(Buffer.from([0xc3, 0xa4, 0x0a, 0x62, 0x0a, 0xff, 0x63]));
  });

  test("is waited for while its reader is slow", async () => {
    const stream = new Taker({ slow: true });
    const output = new Output(stream, () => {});
    let written = false;
    const write = output.write(["x".repeat(100)], never).then(() => {
      written = true;
    });
    await turns();
    expect(written).toBe(false);
    stream.release();
    await write;
    expect(written).toBe(true);
    expect(listeners(stream)).toBe(1);
  });

  test("is not waited for once somebody interrupts", async () => {
    const interrupt = new AbortController();
    const stream = new Taker({ slow: true });
    const output = new Output(stream, () => {});
    const write = output.write(["x".repeat(100)], interrupt.signal);
    interrupt.abort();
    await write;
    await output.write(["x".repeat(100)], interrupt.signal);
    expect(listeners(stream)).toBe(1);
  });

  test.each([
    ["EPIPE", true],
    ["ENOSPC", false],
  ])("that fails with %s is told once and written no more", async (code, left) => {
    const stream = new Taker({ code });
    let failures = 0;
    const output = new Output(stream, () => failures++);
    await output.write(["x".repeat(100)], never);
    await output.write(["more"], never);
    expect({ failures, left: output.left, error: output.error?.message }).toEqual({
      failures: 1,
      left,
      error: left ? undefined : `cannot write: ${code}`,
    });
  });
});

class Taker extends Writable {
  readonly taken: Buffer[] = [];
  readonly #code: string | undefined;
  readonly #slow: boolean;
  #release: (() => void) | undefined;

  constructor({ slow = false, code }: { slow?: boolean; code?: string } = {}) {
    super({ highWaterMark: 10 });
    this.#slow = slow;
    this.#code = code;
  }

  override _write(chunk: Buffer, _: unknown, done: (error?: Error) => void): void {
    this.taken.push(chunk);
    if (this.#code) done(Object.assign(new Error(`cannot write: ${this.#code}`), { code: this.#code }));
    else if (this.#slow) this.#release = done;
    else done();
  }

  release(): void {
    this.#release?.();
  }
}

function listeners(stream: Writable): number {
  return ["drain", "error"].reduce((sum, event) => sum + stream.listenerCount(event), 0);
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
