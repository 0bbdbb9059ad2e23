import { expect, test } from "vitest";
import { proxiesOf } from "../src/proxy.ts";

const proxied = (environment: NodeJS.ProcessEnv, url: string, option?: string | false): string | undefined =>
  proxiesOf(option, environment)(new URL(url))?.shown;

test("each scheme has a proxy of its own, and lower case goes first", () => {
  const all = { HTTP_PROXY: "http://h:1", HTTPS_PROXY: "https://s:2" };
  expect(proxied(all, "http://a.example/")).toBe("http://h:1");
  expect(proxied(all, "https://a.example/")).toBe("https://s:2");
  expect(proxied({ ...all, http_proxy: "http://low:3" }, "http://a.example/")).toBe("http://low:3");
  expect(proxied({ ...all, http_proxy: "" }, "http://a.example/")).toBe("http://h:1");
  expect(proxied({ HTTP_PROXY: "http://h:1" }, "https://a.example/")).toBeUndefined();
  expect(proxied({}, "http://a.example/")).toBeUndefined();
});

test("an option goes before the environment, NO_PROXY too; false is none", () => {
  const environment = { HTTP_PROXY: "http://h:1", NO_PROXY: "*" };
  expect(proxied(environment, "http://localhost/", "http://own:2")).toBe("http://own:2");
  expect(proxied({ HTTP_PROXY: "http://h:1" }, "http://a.example/", false)).toBeUndefined();
});

test("HTTP_PROXY is not believed in a CGI program, where it may be a header of the request", () => {
  const cgi = { REQUEST_METHOD: "GET", HTTP_PROXY: "http://evil:1" };
  expect(proxied(cgi, "http://a.example/")).toBeUndefined();
  expect(proxied({ ...cgi, http_proxy: "http://own:2" }, "http://a.example/")).toBe("http://own:2");
});

test.each([
  ["a.example", "http://a.example/", true],
  ["a.example", "http://b.a.example/", true],
  ["a.example", "http://ba.example/", false],
  [".a.example", "http://b.a.example/", true],
  ["*.a.example", "http://b.a.example/", true],
  ["A.example", "http://a.EXAMPLE./", true],
  ["b.example, a.example", "http://a.example/", true],
  ["b.example a.example", "http://a.example/", true],
  ["a.example:8080", "http://a.example:8080/", true],
  ["a.example:8080", "http://a.example/", false],
  ["a.example:80", "http://a.example/", true],
  ["a.example:443", "https://a.example/", true],
  ["*", "https://a.example/", true],
  ["*:80", "http://a.example/", true],
  ["*:80", "https://a.example/", false],
  ["10.1.2.3", "http://10.1.2.3/", true],
  ["10.1.2.3:81", "http://10.1.2.3/", false],
  ["10.0.0.0/8", "http://10.1.2.3/", true],
  ["10.0.0.0/8", "http://11.1.2.3/", false],
  ["10.0.0.0/33", "http://10.1.2.3/", false],
  ["10.0.0.0/8", "http://a.example/", false],
  ["fe80::1:2", "http://[fe80::1:2]/", true],
  ["[fe80::1]:81", "http://[fe80::1]:81/", true],
  ["[fe80::1]:81", "http://[fe80::1]/", false],
  ["fe80::/10", "http://[fe80::99]/", true],
  ["", "http://a.example/", false],
  ["", "http://localhost:8080/", true],
  ["", "http://api.localhost/", true],
  ["", "http://127.9.9.9/", true],
  ["", "http://[::1]:8080/", true],
  ["", "http://127.example/", false],
  ["", "http://127.0.0.1.example/", false],
])("NO_PROXY=%s exempts %s: %s", (list, url, exempt) => {
  const environment = { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://p:1", NO_PROXY: list };
  expect(proxied(environment, url)).toBe(exempt ? undefined : "http://p:1");
});

test("a proxy has a port, credentials and a name that may be shown", () => {
  const proxyOf = (url: string) => proxiesOf(url, {})(new URL("http://a.example/"));
  expect(proxyOf("proxy.example")).toMatchObject({ shown: "http://proxy.example", protocol: "http:", port: "80" });
  expect(proxyOf("proxy.example:3128")).toMatchObject({ hostname: "proxy.example", port: "3128" });
  expect(proxyOf("https://[::1]")).toMatchObject({ hostname: "::1", port: "443", authorization: undefined });
  const authorization = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  expect(proxyOf("http://ann:p%40ss@p:1/path?q=1")).toMatchObject({
    shown: "http://p:1",
    authorization: authorization("ann:p@ss"),
  });
  expect(proxyOf("http://token@p:1")).toMatchObject({ authorization: authorization("token:") });
  expect(proxyOf("http://ann:50%@p:1")).toMatchObject({ authorization: authorization("ann:50%") });
});

test.each(["socks5://ann:hunter2@p:1", "http://ann:hunter2@", "", 5, null, true])("%s is no proxy", (option) => {
  const attempt = () => proxiesOf(option as string, {});
  expect(attempt).toThrow("proxy must be the URL of a proxy with http:// or https://");
  expect(attempt).not.toThrow("hunter2");
});

test("an environment that names no proxy that can be used is an error of the request, never a way around it", () => {
  const proxyOf = proxiesOf(undefined, { HTTPS_PROXY: "socks5://ann:hunter2@p:1" });
  expect(() => proxyOf(new URL("https://a.example/"))).toThrow("HTTPS_PROXY must be the URL of a proxy");
  expect(proxyOf(new URL("http://a.example/"))).toBeUndefined();
});
