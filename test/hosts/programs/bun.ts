// Bun.serve; its argument is the `idleTimeout` in s, 0 by default.

import process from "node:process";
import { App } from "../app.ts";

declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly idleTimeout: number;
    fetch(request: Request): Promise<Response>;
  }): { readonly port: number };
};

const { fetch } = new App();
const { port } = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: Number(process.argv[2] ?? 0), fetch });
console.log(JSON.stringify({ port }));
