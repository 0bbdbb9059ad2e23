// Makes one minified ES module for browsers of the whole client: `npm run bundle`.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { minified } from "./minified.ts";

const target = new URL("../../packages/client/dist/longwire.min.js", import.meta.url);
const { code, gzipBytes } = await minified(`export * from "longwire";`);
await writeFile(target, code);
console.log(`${fileURLToPath(target)}: ${code.length} bytes minified, ${gzipBytes} bytes under gzip`);
