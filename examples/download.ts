// node examples/download.ts URL FILE: saves a body in constant memory, and knows whether all of it came.

import { open } from "node:fs/promises";
import { createClient } from "longwire";

const [url = "http://127.0.0.1:8080/image.iso", path = "download.bin"] = process.argv.slice(2);
const client = createClient();
const body = client.bytes(url);
const file = await open(path, "w");
try {
  for await (const chunk of body) await file.write(chunk);
} finally {
  await file.close();
  await client.close();
}
const { code, bytes } = await body.outcome;
console.log(`${path}: ${bytes} bytes, ${code}`);
