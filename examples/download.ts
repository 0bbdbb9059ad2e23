// node examples/download.ts URL FILE: saves a body in constant memory, and knows whether all of it came.

import { createWriteStream } from "node:fs";
import { createClient } from "longwire";

const [url = "http://127.0.0.1:8080/image.iso", path = "download.bin"] = process.argv.slice(2);
await using client = createClient();
const { code, bytes } = await client.pipe(url, createWriteStream(path));
console.log(`${path}: ${bytes} bytes, ${code}`);
