import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** One minified ES module for browsers, as its users get it. */
export interface Minified {
  readonly code: string;
  /** Bytes of the minified code under gzip at its best, as a server sends it. */
  readonly gzipBytes: number;
  /** The files that went into it. */
  readonly inputs: readonly string[];
}

/** Bundles `source`, a module that imports from the packages by name, for browsers: what it does not use is left out. */
export async function minified(source: string): Promise<Minified> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
  });
  const code = outputFiles[0]?.text ?? "";
  return { code, gzipBytes: gzipSync(code, { level: 9 }).length, inputs: Object.keys(metafile.inputs) };
}
