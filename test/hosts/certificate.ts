import { readFileSync } from "node:fs";

/** What a program serves HTTP/2 with, from the folder that the environment names. */
export function certificate(): { readonly key: string; readonly cert: string } {
  const pem = (name: string): string => readFileSync(`${process.env["HOST_CERTIFICATES"]}/${name}.pem`, "utf8");
  return { key: pem("key"), cert: pem("cert") };
}
