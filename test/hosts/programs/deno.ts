import process from "node:process";
import { App } from "../app.ts";
import { certificate } from "../certificate.ts";

declare const Deno: {
  serve(
    options: {
      readonly port: number;
      readonly hostname: string;
      readonly key?: string;
      readonly cert?: string;
      readonly onListen: (address: { readonly port: number }) => void;
    },
    handler: (request: Request) => Promise<Response>,
  ): void;
};

const { fetch } = new App();
Deno.serve(
  {
    port: 0,
    hostname: "127.0.0.1",
    ...(process.argv.includes("http2") && certificate()),
    onListen: ({ port }) => console.log(JSON.stringify({ port })),
  },
  fetch,
);
