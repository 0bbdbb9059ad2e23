// A relay in a process of its own, whose memory is asked for on its standard input. Prints its port, then a line of RSS in bytes for each
// line that it reads: the one that is most so far.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import type { AddressInfo } from "node:net";
import { relay } from "@longwire/server";

const [upstream] = process.argv.slice(2) as [string];
const server = createServer(relay(upstream)).listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});
let most = 0;
function look(): void {
  most = Math.max(most, process.memoryUsage.rss());
}
setInterval(look, 20);
createInterface(process.stdin).on("line", (line) => {
  if (line === "begin") most = 0;
  look();
  console.log(most);
});
