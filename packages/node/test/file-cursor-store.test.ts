import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fileCursorStore } from "../src/file-cursor-store.ts";

/** What the store asked of the file system, in order. */
const steps: string[] = [];
/** A folder that may not be written; who runs the tests may write everywhere. */
let denied: string | undefined;
/** What another does to the temporary file in between. */
let meanwhile: { readonly [Step in "open" | "rename"]?: (temporary: string) => Promise<void> } = {};

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open: typeof real.open = async (path, flags, mode) => {
    if (flags === "wx") await meanwhile.open?.(String(path));
    const handle = await real.open(path, flags, mode);
    const name = String(path).endsWith(".tmp") ? "temporary" : "folder";
    steps.push(`open ${name}`);
    for (const method of ["writeFile", "sync", "close"] as const) {
      const own = handle[method].bind(handle) as (...args: unknown[]) => Promise<void>;
      handle[method] = async (...args: unknown[]) => {
        await own(...args);
        steps.push(`${method} ${name}`);
      };
    }
    return handle;
  };
  const access: typeof real.access = async (path, mode) => {
    if (denied === path) throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    await real.access(path, mode);
  };
  const rename: typeof real.rename = async (from, to) => {
    await meanwhile.rename?.(String(from));
    await real.rename(from, to);
    steps.push("rename");
  };
  return { ...real, access, open, rename };
});

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "longwire-cursor-"));
  file = join(folder, "feed.cursor");
  steps.length = 0;
  denied = undefined;
  meanwhile = {};
});

afterEach(() => rm(folder, { recursive: true }));

describe("what was saved", () => {
  test.each(["41", 41, "", 0, -1.5, Number.MAX_SAFE_INTEGER, 'a"\\\n\0\u2028é😀\ud800', "x".repeat(1_000_000)])(
    "is loaded again, %j among them, as the text or number that it was",
    async (cursor) => {
      await fileCursorStore(file).save(cursor);
      expect(await fileCursorStore(file).load()).toBe(cursor);
    },
  );

  test("is there no more once another was saved, a shorter one too", async () => {
    const store = fileCursorStore(file);
    for (const cursor of ["a long one, from before", "b", 3]) {
      await store.save(cursor);
      expect(await store.load()).toBe(cursor);
    }
  });

  test("is undefined where there is no file", async () => {
    expect(await fileCursorStore(file).load()).toBe(undefined);
    expect(await readdir(folder)).toEqual([]);
  });

  test("stays where it was named, wherever the process goes later", async () => {
    const store = fileCursorStore(relative(process.cwd(), file));
    const cwd = vi.spyOn(process, "cwd").mockReturnValue("/elsewhere");
    await store.save(1);
    cwd.mockRestore();
    expect(await fileCursorStore(file).load()).toBe(1);
  });
});

describe("a file that is no cursor's", () => {
  test.each([
    "",
    "\0\0\0\0",
    '{"cursor":"4',
    '{"cursor":"41"}{"cursor":"42"}',
    '{"cursor":null}',
    '{"cursor":[1]}',
    '{"cursor":1e999}',
    "{}",
    "[]",
    "null",
    "4711\n",
    '"41"',
    '{"cursor":"41","name":"something else"}',
    "password=tell-nobody",
  ])("%j is an error that names it and not what it holds, and stays as it is", async (text) => {
    await writeFile(file, text);
    const failed = await Promise.resolve(fileCursorStore(file).load()).catch((error: Error) => error.message);
    expect(failed).toBe(
      `Cannot go on from ${file}: it is damaged, or no cursor file. Name another path, or remove it to begin anew`,
    );
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("a folder is an error too, for both ways", async () => {
    await mkdir(file);
    const store = fileCursorStore(file);
    await expect(store.load()).rejects.toMatchObject({
      message: expect.stringContaining(`Cannot read the cursor in ${file}: `),
      cause: { code: "EISDIR" },
    });
    await expect(store.save(1)).rejects.toMatchObject({
      message: expect.stringContaining(`Cannot save the cursor in ${file}: `),
      cause: { syscall: "rename" },
    });
  });

  test("a folder that is missing is an error for both ways", async () => {
    const none = join(folder, "none");
    const store = fileCursorStore(join(none, "feed.cursor"));
    await expect(store.load()).rejects.toMatchObject({
      message: `Cannot keep a cursor in ${none}: the folder is missing: make it, or name a file in another one`,
      cause: { code: "ENOENT" },
    });
    await expect(store.save(1)).rejects.toMatchObject({ cause: { code: "ENOENT", syscall: "open" } });
    await expect(store.save(1)).rejects.not.toThrow("another stream");
  });

  test("a folder that cannot be written is an error before the stream begins, whether there is a file or not", async () => {
    const store = fileCursorStore(file);
    for (const begin of [async () => {}, () => store.save(1)]) {
      denied = undefined;
      await begin();
      denied = folder;
      await expect(store.load()).rejects.toMatchObject({
        message: `Cannot keep a cursor in ${folder}: the folder cannot be written (EACCES: permission denied): allow it, or name a file in another one`,
        cause: { code: "EACCES" },
      });
    }
  });
});

describe("saving", () => {
  test("flushes the new file before it takes the old one's place, and the folder after", async () => {
    await fileCursorStore(file).save(1);
    const written = ["open temporary", "writeFile temporary", "sync temporary", "close temporary"];
    expect(steps).toEqual([...written, "rename", "open folder", "sync folder", "close folder"]);
  });

  test("leaves the folder alone on Windows, and there alone", async () => {
    const { platform } = process;
    Object.defineProperty(process, "platform", { value: "win32" });
    try {
      await fileCursorStore(file).save(1);
    } finally {
      Object.defineProperty(process, "platform", { value: platform });
    }
    expect(steps.at(-1)).toBe("rename");
    expect(await fileCursorStore(file).load()).toBe(1);
  });

  test("leaves one file, that its owner alone may read", async () => {
    const store = fileCursorStore(file);
    for (let cursor = 0; cursor < 10; cursor++) await store.save(cursor);
    expect(await readdir(folder)).toEqual(["feed.cursor"]);
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("takes the place of what a crash left behind, and of its rights", async () => {
    await writeFile(`${file}.tmp`, '{"cursor":"ha');
    await chmod(`${file}.tmp`, 0o666);
    const store = fileCursorStore(file);
    expect(await store.load()).toBe(undefined);
    await store.save("7");
    expect(await readdir(folder)).toEqual(["feed.cursor"]);
    expect(await store.load()).toBe("7");
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("in one file by two streams at a time says that they need two", async () => {
    const store = fileCursorStore(file);
    const message = `Cannot save the cursor in ${file}: another stream saves there too. Two streams need two files`;
    meanwhile = { open: (temporary) => writeFile(temporary, "") };
    await expect(store.save(1)).rejects.toMatchObject({ message, cause: { code: "EEXIST" } });
    meanwhile = { rename: (temporary) => rm(temporary) };
    await expect(store.save(2)).rejects.toMatchObject({ message, cause: { code: "ENOENT" } });
  });

  test("does not write where a link in its way leads", async () => {
    const precious = join(folder, "precious");
    await writeFile(precious, "mine");
    await symlink(precious, `${file}.tmp`);
    await fileCursorStore(file).save("7");
    expect(await readFile(precious, "utf8")).toBe("mine");
  });
});

test("a path may be a file: URL", async () => {
  await fileCursorStore(pathToFileURL(file)).save("41");
  expect(await readFile(file, "utf8")).toBe('{"cursor":"41"}\n');
});

test.each([
  ["", "an empty one"],
  [undefined, "undefined"],
  [null, "null"],
  [7, "number"],
  [new Map(), "[object Map]"],
  [Buffer.from("feed.cursor"), "[object Uint8Array]"],
  [new URL("https://a.example/feed.cursor"), "https:"],
])("a path that is none is refused at once: %s is %s", (path, kind) => {
  const told = `The path of a cursor file must be a text that is not empty, or a file: URL, not ${kind}`;
  expect(() => fileCursorStore(path as string)).toThrow(new TypeError(told));
});
