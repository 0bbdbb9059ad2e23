// Seeded inputs for the decoder benches: the same bytes in every process and on every machine.

/** The SSE inputs, 8 MiB each. */
export const sseCorpora = {
  /** One JSON token of a language model an event, 209 B each. */
  tokens: (random: Random) => {
    const head = `data: {"id":"chatcmpl-${hex(random, 24)}","object":"chat.completion.chunk","created":17${digits(random, 8)},`;
    const tail = (text: string) =>
      `"model":"m-5","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`;
    return head + tail(` ${letters(random, 209 - head.length - tail(" ").length)}`);
  },
  /** Event name, JSON id and 1.2 KB of English JSON. */
  wiki: (random: Random) =>
    `event: message\nid: [{"topic":"eqiad.mediawiki.recentchange","partition":0,"timestamp":17${digits(random, 11)}},` +
    `{"topic":"codfw.mediawiki.recentchange","partition":0,"offset":-1}]\n` +
    `data: {"$schema":"/mediawiki/recentchange/1.0.0","id":${digits(random, 10)},"type":"edit","title":"${english(random, 40)}",` +
    `"comment":"${english(random, 900)}","timestamp":17${digits(random, 8)},"user":"${letters(random, 12)}","bot":false,` +
    `"revision":{"old":${digits(random, 10)},"new":${digits(random, 10)}},"server_url":"https://en.wikipedia.example"}\n\n`,
  /** 64 KiB in one line. */
  big: (random: Random) => `data: ${hex(random, 64 * 1024)}\n\n`,
  /** One to four data lines of multi-byte text, LF or CRLF by event, now and then a comment, an id, a name. */
  mixed: (random: Random) => {
    const end = random() < 0.5 ? "\n" : "\r\n";
    let event = random() < 0.1 ? `: ${english(random, 20)}${end}` : "";
    if (random() < 0.5) event += `id: ${digits(random, 8)}${end}`;
    if (random() < 0.3) event += `event: ${letters(random, 6)}${end}`;
    for (let lines = 1 + Math.floor(random() * 4); lines > 0; lines--)
      event += `data: ${anyScript(random, 40 + random() * 120)}${end}`;
    return event + end;
  },
} satisfies Record<string, (random: Random) => string>;

/** The NDJSON inputs, 8 MiB each. */
export const ndjsonCorpora = {
  "127 B": (random: Random) =>
    `{"id":${digits(random, 9)},"user":"${letters(random, 12)}","action":"update","value":0.${digits(random, 8)},` +
    `"tags":["a","${letters(random, 6)}"],"ok":true,"note":"${letters(random, 8)}"}\n`,
  "1 KB UTF-8": (random: Random) =>
    `{"id":${digits(random, 9)},"title":"${anyScript(random, 60)}","body":"${anyScript(random, 400)}","tags":["${anyScript(random, 8)}"]}\n`,
  "20 KB": (random: Random) => {
    const rows = Array.from(
      { length: 40 },
      () => `{"key":"${letters(random, 16)}","n":${digits(random, 7)},"text":"${english(random, 440)}"}`,
    );
    return `{"id":${digits(random, 9)},"rows":[${rows.join(",")}]}\n`;
  },
} satisfies Record<string, (random: Random) => string>;

/** Bytes in a chunk, as the benches cut their input. */
export const chunkSizes = { "64 KiB": 65_536, "16 KiB": 16_384, "1.4 KiB": 1_460, "64 B": 64 };

/** At least 8 MiB of what `item` makes. */
export function corpus(item: (random: Random) => string): Uint8Array {
  const random = seeded(20_261_120);
  let text = "";
  for (let bytes = 0; bytes < 8 * 1024 * 1024; ) {
    const next = item(random);
    text += next;
    bytes += Buffer.byteLength(next);
  }
  return new Uint8Array(Buffer.from(text));
}

/** The same bytes as views of at most `chunkBytes`. */
export function inChunks(bytes: Uint8Array, chunkBytes: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  return chunks;
}

/** Numbers in [0, 1). */
export type Random = () => number;

/** A small generator of 32 bits of state (mulberry32). */
export function seeded(seed: number): Random {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const digits = (random: Random, length: number): string => pick(random, length, "123456789");
const hex = (random: Random, length: number): string => pick(random, length, "0123456789abcdef");
const letters = (random: Random, length: number): string => pick(random, length, "abcdefghijklmnopqrstuvwxyz");
const english = (random: Random, length: number): string => words(random, length, englishWords);
const anyScript = (random: Random, length: number): string => words(random, length, manyScripts);

function pick(random: Random, length: number, alphabet: string): string {
  let text = "";
  while (text.length < length) text += alphabet[Math.floor(random() * alphabet.length)];
  return text;
}

function words(random: Random, length: number, list: readonly string[]): string {
  let text = "";
  while (text.length < length) text += `${list[Math.floor(random() * list.length)]} `;
  return text.trimEnd();
}

const englishWords =
  "the of and to in page was edit for on with article as by from reverted category added new source".split(" ");
const manyScripts =
  "the naïve Größe façade Привет мир поток данных 東京 豆腐 ストリーム 연결 مرحبا नमस्ते 😀 🚀 and wire — €".split(" ");
