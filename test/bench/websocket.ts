// CPU of one WebSocket message of 200 bytes from the socket to the consumer, without compression, as text and as bytes.
import type { Message, MessageReader } from "./contenders/contender.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { bytesPerMessage } from "./origin.ts";
import { atMost, column, contestOverTheWire, cost, quick, ratios, shownRatio } from "./wire-contest.ts";

const readers = {
  ws: async () => (await import("./contenders/ws.ts")).wsMessages,
  "longwire batches()": async () => (await import("./contenders/longwire.ts")).longwireMessageBatches,
  "longwire for await": async () => (await import("./contenders/longwire.ts")).longwireMessages,
  "partysocket over ws": async () => (await import("./contenders/partysocket.ts")).partySocketMessages,
  "Node's own WebSocket": async () => (await import("./contenders/web-socket.ts")).webSocketMessages,
} satisfies Record<string, () => Promise<MessageReader>>;

type Contender = keyof typeof readers;
const contenders = Object.keys(readers) as Contender[];
const cells = ["text", "binary"] as const;
const warmUpMessages = 100_000;

const figures = await contestOverTheWire<Contender, (typeof cells)[number], "cpuUs" | "perSecond">({
  file: import.meta.filename,
  contenders,
  cells,
  async measure(contender, cell, origin) {
    const messages = Number(option("--messages") ?? (quick ? 200_000 : 1_000_000));
    const url = (count: number): string => `${origin.replace("http:", "ws:")}/ws?messages=${count}&type=${cell}`;
    const read = await readers[contender]();
    let received = 0;
    let bytes = 0;
    // One character is looked at, so that no reader gets by with a promise of a string.
    const receive = (message: Message): void => {
      received++;
      bytes += message.length;
      if ((typeof message === "string" ? message.charCodeAt(199) : message[199]) === 0)
        throw new RangeError("A message ends in NUL");
    };
    await read(url(warmUpMessages), warmUpMessages, receive);
    received = bytes = 0;
    const { cpuUs, wallUs } = await cost(() => read(url(messages), messages, receive));
    if (received !== messages || bytes !== messages * bytesPerMessage)
      throw new Error(`${contender} read ${received} messages and ${bytes} bytes of ${messages} messages`);
    return { cpuUs: cpuUs / messages, perSecond: (messages / wallUs) * 1e6 };
  },
});

for (const cell of cells.filter((name) => name in figures)) {
  const alone = figures[cell].ws?.cpuUs ?? [];
  console.log(`\nWebSocket messages of ${bytesPerMessage} bytes, ${cell}`);
  printTable([
    ["", "CPU µs/message", "to ws alone", "messages/s"],
    ...column(figures[cell], contenders, "cpuUs").map(([contender, cpuUs]) => [
      contender,
      spread(cpuUs, 3),
      shownRatio(cpuUs, alone),
      median(figures[cell][contender]?.perSecond ?? []).toFixed(0),
    ]),
  ]);
  for (const [ours, cpuUs] of column(figures[cell], contenders, "cpuUs"))
    if (ours.startsWith("longwire") && alone.length > 0)
      atMost("goal", `${ours} to ws alone`, median(ratios(cpuUs, alone)), 1.15);
}
