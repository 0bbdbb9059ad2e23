import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fileCursorStore } from "../src/file-cursor-store.ts";

/** What the store asked of the file system, in order. */
const steps: string[] = [];

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open: typeof real.open = async (path, flags, mode) => {
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
  const rename: typeof real.rename = async (from, to) => {
    await real.rename(from, to);
    steps.push("rename");
  };
  return { ...real, open, rename };
});

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "longwire-cursor-"));
  file = join(folder, "feed.cursor");
  steps.length = 0;
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

  test("a folder that is missing is an error of save", async () => {
    const store = fileCursorStore(join(folder, "none", "feed.cursor"));
    expect(await store.load()).toBe(undefined);
    await expect(store.save(1)).rejects.toMatchObject({ cause: { code: "ENOENT" } });
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

  test("does not write where a link in its way leads", async () => {
    const precious = join(folder, "precious");
    await writeFile(precious, "mine");
    await symlink(precious, `${file}.tmp`);
    await fileCursorStore(file).save("7");
    expect(await readFile(precious, "utf8")).toBe("mine");
  });
});

test("a path that is none is refused at once", () => {
  for (const path of ["", undefined, 7]) {
    expect(() => fileCursorStore(path as string)).toThrow(TypeError);
  }
});
