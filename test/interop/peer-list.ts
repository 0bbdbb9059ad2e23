/** A third-party program that a suite talks to, and where it comes from. */
export interface Peer {
  readonly command: string;
  readonly debianPackage: string;
}

/** What `npm run setup:peers` installs and `test/interop` asks for. */
export const peers = {
  go: { command: "go", debianPackage: "golang-go" },
} as const satisfies Record<string, Peer>;
