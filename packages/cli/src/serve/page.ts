import { readFileSync } from "node:fs";
import type { Served } from "./served.ts";

/** The page, by path: it shows live what the other paths serve. Its script is `page-script.ts`. */
export const page: Readonly<Record<"/" | "/page.js" | "/page.css", () => Served>> = {
  "/": () => text("text/html; charset=utf-8", html),
  "/page.js": () =>
    text("text/javascript; charset=utf-8", readFileSync(new URL("page-script.js", import.meta.url), "utf8")),
  "/page.css": () => text("text/css; charset=utf-8", css),
};

function text(type: string, body: string): Served {
  const headers = {
    "content-type": type,
    "cache-control": "no-store",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
    "x-content-type-options": "nosniff",
  };
  return { answer: { headers, body }, plan: {} };
}

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>longwire serve</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script>
</head>
<body>
<header><h1>longwire serve</h1><p>What this server streams, read by the browser alone.</p></header>
<main>
<section id="live">
  <h2>One publisher, three readers</h2>
  <p><code>/live</code> as Server-Sent Events, as NDJSON and over a WebSocket: the same items, under the same ids.</p>
  <table><thead><tr><th>reader</th><th>state</th><th>items</th><th>latest</th></tr></thead><tbody></tbody></table>
</section>
<section id="cuts">
  <h2>Cut now and then, and resumed</h2>
  <p><code>/events?cuts=7</code>: the server breaks the connection; the browser comes back with <code>Last-Event-ID</code>.</p>
  <progress max="120" value="0"></progress>
  <p><output></output></p>
</section>
<section id="faults">
  <h2>Faults on request</h2>
  <form><label><code>/rows?count=20&amp;every=50ms&amp;</code><select></select></label> <button>ask</button></form>
  <pre></pre>
</section>
<section id="chat">
  <h2>Everybody hears it</h2>
  <p><code>/chat</code> over a WebSocket; open this page twice. <code>/echo</code> answers in <output>…</output>.</p>
  <form><input aria-label="message" autocomplete="off" placeholder="say something"> <button>send</button></form>
  <pre></pre>
</section>
</main>
</body>
</html>
`;

const css = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1, h2 { margin: 0; line-height: 1.2; }
h2 { font-size: 1.1rem; }
p { margin: .5rem 0; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); }
section { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; padding: 1rem; min-width: 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .1rem .75rem .1rem 0; }
pre { height: 10rem; overflow: auto; margin: .5rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
progress { width: 100%; }
`;
