import type { AddressInfo } from "node:net";

/** Says on stdout where a program listens. */
export function sayPort(address: AddressInfo | string | null): void {
  console.log(JSON.stringify({ port: (address as AddressInfo).port }));
}
