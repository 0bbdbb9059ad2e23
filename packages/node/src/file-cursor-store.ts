import { access, constants, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Cursor, CursorStore } from "@longwire/core";

/**
 * A store of one stream's resume point in a file, which outlives the process and the machine's power.
 *
 * `save` replaces the file as a whole: `<path>.tmp` is written and flushed to the disk, renamed over it, and the folder is flushed
 * (not on Windows, which cannot). Whenever the process is killed, the file holds the cursor of before or the one of after. The file
 * is JSON, `{"cursor":"41"}`, so that text stays text and a number a number; its owner alone may read it. The path, a text or a `file:`
 * URL, counts from the working directory of now where it is not absolute. Two streams need two files.
 *
 * `load` answers `undefined` where there is no file, and rejects with an Error that names the path for one that it did not write, or
 * that was damaged: going on from the start is for its owner to decide. So it does when the folder is missing or cannot be written: a
 * stream that could save nothing does not begin. Both reject with an Error that has Node's as its cause when the file system says no.
 *
 * @throws TypeError when the path is neither a text nor a `file:` URL, or is empty
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html
 *
 * @example
 * ```ts
 * import { openLines } from "@longwire/core";
 * import { fileCursorStore, nodeTransport } from "@longwire/node";
 *
 * await using transport = nodeTransport();
 * const lines = openLines("https://a.example/log", {
 *   transport,
 *   cursorStore: fileCursorStore("log.cursor"),
 *   resume: {
 *     cursor: (line) => line.split(" ")[0],
 *     apply: (request, since) => request.withQuery({ since }),
 *   },
 * });
 * for await (const line of lines) console.log(line);
 * ```
 */
export function fileCursorStore(path: string | URL): CursorStore {
  const file = resolve(pathOf(path));
  return { load: () => load(file), save: (cursor) => save(file, cursor) };
}

function pathOf(path: unknown): string {
  if (path instanceof URL && path.protocol === "file:") return fileURLToPath(path);
  if (typeof path === "string" && path !== "") return path;
  const given = path === "" ? "an empty one" : path instanceof URL ? path.protocol : kindOf(path);
  throw new TypeError(`The path of a cursor file must be a text that is not empty, or a file: URL, not ${given}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? Object.prototype.toString.call(value) : typeof value;
}

async function load(file: string): Promise<Cursor | undefined> {
  await checkFolder(dirname(file));
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`Cannot read the cursor in ${file}: ${(error as Error).message}`, { cause: error });
  }
  const cursor = cursorIn(text);
  if (cursor !== undefined) return cursor;
  throw new Error(
    `Cannot go on from ${file}: it is damaged, or no cursor file. Name another path, or remove it to begin anew`,
  );
}

/** @throws Error when no file can be made in it */
async function checkFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "is missing: make it" : `cannot be written (${message}): allow it`;
    throw new Error(`Cannot keep a cursor in ${folder}: the folder ${why}, or name a file in another one`, {
      cause: error,
    });
  }
}

async function save(file: string, cursor: Cursor): Promise<void> {
  // One name, so that what a crash leaves behind is replaced and not joined by the next.
  const temporary = `${file}.tmp`;
  try {
    await rm(temporary, { force: true });
    // A file of its own making: nobody else's rights, and no link to elsewhere.
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ cursor })}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await flushFolder(dirname(file));
  } catch (error) {
    const why = isShared(error)
      ? "another stream saves there too. Two streams need two files"
      : (error as Error).message;
    throw new Error(`Cannot save the cursor in ${file}: ${why}`, { cause: error });
  }
}

/** Whether somebody else made the temporary file after it was removed, or took it away before it was renamed. */
function isShared(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === "EEXIST" || (code === "ENOENT" && syscall === "rename");
}

/** Until its folder is flushed, a rename may be lost with the power. */
async function flushFolder(folder: string): Promise<void> {
  // Windows opens no folder.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function cursorIn(text: string): Cursor | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // `{"cursor":…}` and nothing beside it: a file of anybody else has more, or less.
  if (typeof value !== "object" || value === null || Object.keys(value).join() !== "cursor") return undefined;
  const { cursor } = value as { readonly cursor: unknown };
  return typeof cursor === "string" || Number.isFinite(cursor) ? (cursor as Cursor) : undefined;
}
