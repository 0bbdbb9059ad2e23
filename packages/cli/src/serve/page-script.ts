// The script of the page: what a browser makes of what is served, with nothing but its own EventSource, fetch and WebSocket.

/** A row of the table of live readers. */
function liveReader(name: string): { state(text: string): void; item(json: string): void } {
  const row = found("#live tbody", HTMLTableSectionElement).insertRow();
  const cell = (text: string): HTMLElement => {
    const made = row.insertCell();
    made.textContent = text;
    return made;
  };
  cell(name);
  const [state, items, latest] = [cell("…"), cell("0"), cell("")] as const;
  let count = 0;
  return {
    state: (text) => (state.textContent = text),
    item(json) {
      const { tick, at } = JSON.parse(json) as { tick: number; at: string };
      items.textContent = String(++count);
      latest.textContent = `tick ${tick}, ${at.slice(11, 19)}`;
    },
  };
}

function liveEvents(onTick: (event: Event) => void): void {
  const reader = liveReader("EventSource");
  const source = new EventSource("/live");
  source.onopen = () => reader.state("open");
  source.onerror = () => reader.state(source.readyState === EventSource.CLOSED ? "closed" : "waiting");
  source.addEventListener("tick", (event: MessageEvent<string>) => {
    reader.item(event.data);
    onTick(event);
  });
}

async function liveRows(): Promise<void> {
  const reader = liveReader("fetch, NDJSON");
  try {
    const response = await fetch("/live", { headers: { accept: "application/x-ndjson" } });
    reader.state("open");
    for await (const line of linesOf(response)) {
      const { type, data } = JSON.parse(line) as { type?: string; data: unknown };
      if (type === "tick") reader.item(JSON.stringify(data));
    }
    reader.state("ended");
  } catch {
    reader.state("broke");
  }
}

function liveSocket(): void {
  const reader = liveReader("WebSocket");
  const socket = new WebSocket("/live");
  socket.onopen = () => reader.state("open");
  socket.onclose = ({ code }) => reader.state(`closed, ${code}`);
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    const { type, data: item } = JSON.parse(data) as { type?: string; data: unknown };
    if (type === "tick") reader.item(JSON.stringify(item));
  };
}

/** Counts what comes through the cuts: whether something is lost or comes twice. */
function cutEvents(): void {
  const progress = found("#cuts progress", HTMLProgressElement);
  const output = found("#cuts output", HTMLOutputElement);
  const seen = new Set<number>();
  const counts = { cuts: 0, twice: 0, lost: 0 };
  const source = new EventSource(`/events?count=${progress.max}&every=100ms&retry=300&cuts=7`);
  const show = (end: string): void => {
    progress.value = seen.size;
    output.value = `${seen.size} of ${progress.max} received, ${counts.cuts} cuts, ${counts.lost} lost, ${counts.twice} twice${end}`;
  };
  source.addEventListener("price", ({ data }: MessageEvent<string>) => {
    const { seq } = JSON.parse(data) as { seq: number };
    if (seen.has(seq)) counts.twice++;
    seen.add(seq);
    counts.lost = Math.max(...seen) - seen.size;
    show("");
  });
  source.onerror = () => {
    counts.cuts++;
    show(": coming back");
  };
  source.onmessage = ({ data }: MessageEvent<string>) => {
    if (data !== "[DONE]") return;
    source.close();
    counts.lost = progress.max - seen.size;
    show(": done");
  };
}

function faultsOnRequest(): void {
  const select = found("#faults select", HTMLSelectElement);
  const output = found("#faults pre", HTMLPreElement);
  for (const fault of faults) select.add(new Option(fault));
  let asking = new AbortController();
  found("#faults form", HTMLFormElement).onsubmit = async (event) => {
    event.preventDefault();
    // One at a time: those that stall would take all connections that a browser has for a server.
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    output.textContent = "";
    const say = (text: string): void => void (signal.aborted || output.append(`${text}\n`));
    try {
      const response = await fetch(`/rows?count=20&every=50ms&${select.value}`, { signal });
      say(`${response.status} ${response.statusText}`);
      for await (const line of linesOf(response)) say(line);
      say("It ended well, as far as the browser can tell.");
    } catch (error) {
      say(`It broke: ${String(error)}`);
    }
    output.scrollTop = output.scrollHeight;
  };
}

const faults = [
  "resetAfter=200",
  "cutAfter=200",
  "stall=200",
  "status=503",
  "drip=7,100",
  "badUtf8=40",
  "blackhole=1",
  "size=10",
];

function chat(): void {
  const output = found("#chat pre", HTMLPreElement);
  const input = found("#chat input", HTMLInputElement);
  const socket = new WebSocket("/chat");
  const say = (text: string): void => {
    output.append(`${text}\n`);
    output.scrollTop = output.scrollHeight;
  };
  socket.onopen = () => say("You are in.");
  socket.onclose = ({ code }) => say(`Closed, ${code}.`);
  socket.onmessage = ({ data }: MessageEvent<string>) => say(data);
  found("#chat form", HTMLFormElement).onsubmit = (event) => {
    event.preventDefault();
    if (input.value !== "") socket.send(input.value);
    input.value = "";
  };
}

/** Shows how long an echo takes; the answer is called to ask for one. */
function echo(): (event: Event) => void {
  const output = found("#chat output", HTMLOutputElement);
  const socket = new WebSocket("/echo");
  let sentAt = 0;
  socket.onmessage = (event) => (output.value = `${(event.timeStamp - sentAt).toFixed(1)} ms`);
  return ({ timeStamp }) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    sentAt = timeStamp;
    socket.send("still here?");
  };
}

/** The lines of a body as they come; what comes behind the last LF is none. */
async function* linesOf(response: Response): AsyncGenerator<string, void, undefined> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const utf8 = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + utf8.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** @throws TypeError when the page has no such element */
function found<E extends Element>(selector: string, kind: abstract new () => E): E {
  const element = document.querySelector(selector);
  if (element instanceof kind) return element;
  throw new TypeError(`The page has no ${selector}`);
}

liveEvents(echo());
void liveRows();
liveSocket();
cutEvents();
faultsOnRequest();
chat();
