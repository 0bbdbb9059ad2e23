import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A key, and the certificate of it. */
export interface Pair {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** When a certificate is good: its first and last second, as `YYYYMMDDHHMMSSZ`. */
export type Validity = readonly [from: string, to: string];

export const past: Validity = ["20200101000000Z", "20200102000000Z"];
export const future: Validity = ["20980101000000Z", "20990101000000Z"];
const now: Validity = ["20200101000000Z", "20990101000000Z"];

/** An authority of its own, in a folder that goes with it. */
export class Authority implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "longwire-authority-"));
  readonly cert: Buffer;

  constructor() {
    openssl(
      this.#folder,
      "req",
      "-x509",
      ...newKey("ca.key"),
      "-days",
      "2",
      "-subj",
      "/CN=An authority",
      "-out",
      "ca.pem",
    );
    const policy =
      "[ca]\ndefault_ca = own\n[own]\ndatabase = index\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\npolicy = any\n";
    writeFileSync(join(this.#folder, "ca.conf"), `${policy}unique_subject = no\n[any]\ncommonName = supplied\n`);
    writeFileSync(join(this.#folder, "index"), "");
    writeFileSync(join(this.#folder, "serial"), "01");
    this.cert = readFileSync(join(this.#folder, "ca.pem"));
  }

  /** A pair for a name such as `DNS:localhost` or `IP:127.0.0.1`. */
  issue(name: string, [from, to]: Validity = now): Pair {
    openssl(this.#folder, "req", "-new", ...newKey("key.pem"), "-subj", "/CN=leaf", "-out", "leaf.csr");
    writeFileSync(join(this.#folder, "names"), `subjectAltName = ${name}`);
    const signer = ["-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key"];
    const leaf = ["-startdate", from, "-enddate", to, "-in", "leaf.csr", "-extfile", "names", "-out", "leaf.pem"];
    openssl(this.#folder, "ca", "-batch", "-notext", ...signer, ...leaf);
    return { key: readFileSync(join(this.#folder, "key.pem")), cert: readFileSync(join(this.#folder, "leaf.pem")) };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

function newKey(file: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file];
}

function openssl(folder: string, ...command: readonly string[]): void {
  execFileSync("openssl", command, { cwd: folder, stdio: "pipe" });
}
