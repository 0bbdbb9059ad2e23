import { createServer } from "node:net";
import { expect, test } from "vitest";
import { listen, parseListenAddress } from "../src/listen-address.ts";

test.each([
  ["8080", { host: "127.0.0.1", port: 8_080 }],
  ["0", { host: "127.0.0.1", port: 0 }],
  [":8080", { host: undefined, port: 8_080 }],
  ["0.0.0.0:8080", { host: "0.0.0.0", port: 8_080 }],
  ["localhost:80", { host: "localhost", port: 80 }],
  ["[::1]:8080", { host: "::1", port: 8_080 }],
  ["unix:/run/a.sock", { path: "/run/a.sock" }],
])("%s is an address", (text, address) => {
  expect(parseListenAddress(text)).toEqual(address);
});

test.each([
  "",
  "localhost",
  "localhost:",
  "65536",
  ":99999",
  "::1:8080",
  "http://localhost:80",
  "a b:80",
  "unix:run",
  "-1",
  "8080/",
])("%j is none, and the error prints it", (text) => {
  expect(() => parseListenAddress(text)).toThrow(`${JSON.stringify(text)} is no address`);
});

test("a port that is taken is an error that says which", async () => {
  const server = createServer();
  const url = await listen(server, { host: "127.0.0.1", port: 0 });
  const port = Number(new URL(url).port);
  await expect(listen(createServer(), { host: "127.0.0.1", port })).rejects.toThrow(
    `Cannot listen on 127.0.0.1, port ${port}: `,
  );
  await new Promise((resolve) => server.close(resolve));
});

test("the URL of an address of version 6 has brackets", async () => {
  const server = createServer();
  expect(await listen(server, { host: "::1", port: 0 })).toMatch(/^http:\/\/\[::1\]:\d+$/);
  await new Promise((resolve) => server.close(resolve));
});
