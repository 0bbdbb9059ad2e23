// The two kinds of writable there are, as one: what takes a chunk, takes the end, and may be gone before.

import { printed } from "../request/printed.ts";

/** Node's `stream.Writable`, by what is asked of it: files, sockets, answers of a server, transforms. */
export interface NodeWritable<T> {
  readonly destroyed: boolean;
  /** What it was destroyed with. */
  readonly errored?: Error | null | undefined;
  write(chunk: T, callback: Taken): unknown;
  end(callback: Taken): unknown;
  destroy(error?: Error): unknown;
  on(event: "error" | "close", listener: (error?: Error) => void): unknown;
  off(event: "error" | "close", listener: (error?: Error) => void): unknown;
}

/** Where a pipe leads. */
export interface Outlet<T> {
  /** Resolves when it took the chunk: not when it put it in a queue. */
  write(chunk: T): Promise<void>;
  /** Ends it, and resolves when it took everything. */
  end(): Promise<void>;
  /** Ends it as broken. */
  abort(reason: unknown): void;
  /** Leaves it to its owner as it is. */
  release(): void;
}

/** Told when an outlet is gone before its end: it failed, or somebody closed it. */
export interface OutletOwner {
  failed(error: unknown): void;
  closed(): void;
}

/** @throws TypeError on what is neither kind, or is locked by another writer */
export function outletOf<T>(target: WritableStream<T> | NodeWritable<T>, owner: OutletOwner): Outlet<T> {
  if (has<WritableStream<T>>(target, "getWriter")) return webOutlet(target, owner);
  if (has<NodeWritable<T>>(target, "write", "end", "destroy", "on", "off")) return nodeOutlet(target, owner);
  throw new TypeError(`A pipe leads into a WritableStream or a Writable of Node, not ${printed(target)}`);
}

function webOutlet<T>(target: WritableStream<T>, owner: OutletOwner): Outlet<T> {
  const writer = target.getWriter();
  let left = false;
  writer.closed.then(
    () => left || owner.closed(),
    (error: unknown) => left || owner.failed(error),
  );
  return {
    write: (chunk) => writer.write(chunk),
    end() {
      left = true;
      return writer.close();
    },
    abort(reason) {
      left = true;
      writer.abort(reason).catch(ignored);
    },
    release() {
      left = true;
      writer.releaseLock();
    },
  };
}

function nodeOutlet<T>(target: NodeWritable<T>, owner: OutletOwner): Outlet<T> {
  const closed = (): void => (target.errored ? owner.failed(target.errored) : owner.closed());
  const failed = (error: unknown): void => owner.failed(error);
  const release = (): void => {
    target.off("error", failed);
    target.off("close", closed);
  };
  // The error of a broken one is thrown to whoever waits for the pipe; its event would end the process if nobody listened.
  const broken = (): unknown => target.on("error", ignored);
  const taken = (take: (callback: Taken) => unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      take((error) => {
        if (!error) return resolve();
        broken();
        // What waited in one that was destroyed is told of that alone, not why.
        if (target.destroyed) closed();
        reject(error);
      });
    });
  target.on("error", failed);
  target.on("close", closed);
  if (target.destroyed) closed();
  return {
    write: (chunk) => taken((callback) => target.write(chunk, callback)),
    end: () =>
      taken((callback) =>
        target.end((error) => {
          // What comes behind its end, its `close` among it, is the owner's.
          if (!error) release();
          callback(error);
        }),
      ),
    abort(reason) {
      broken();
      if (!target.destroyed)
        target.destroy(reason instanceof Error ? reason : new Error(`The pipe broke: ${printed(reason)}`));
    },
    release,
  };
}

type Taken = (error?: Error | null) => void;

function has<Kind>(target: unknown, ...methods: readonly string[]): target is Kind {
  const record = Object(target) as Readonly<Record<string, unknown>>;
  return methods.every((name) => typeof record[name] === "function");
}

function ignored(): void {}
