/** Bun and Deno speak Node's API, and do with a response's framing what they do whatever is set. */
export const isNode: boolean = process.versions["bun"] === undefined && process.versions["deno"] === undefined;
