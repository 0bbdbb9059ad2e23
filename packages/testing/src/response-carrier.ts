import type { ServerResponse } from "node:http";
import type { PlannedAnswer } from "./answer.ts";
import type { Carrier } from "./carry.ts";
import { endings } from "./endings.ts";
import { written } from "./written.ts";

/** Carries an answer on a response of `node:http`. */
export function responseCarrier(response: ServerResponse, { status, headers, framing }: PlannedAnswer): Carrier {
  const { req: request } = response;
  const promised = Number(headers.get("content-length") ?? 0);
  let sent = 0;
  return {
    begin() {
      response.statusCode = status;
      response.setHeaders(headers);
      if (framing === "close") {
        response.shouldKeepAlive = false;
        response.useChunkedEncodingByDefault = false;
      }
      return written((done) => {
        response.flushHeaders();
        done();
      });
    },
    write(bytes) {
      sent += bytes.length;
      return written((done) => response.write(bytes, done));
    },
    end() {
      if (sent < promised && request.method !== "HEAD") this.cut();
      else response.end();
    },
    cut() {
      endings.cut(request.socket);
      request.resume();
    },
    halfClose: () => endings.halfClose(request.socket),
    reset: () => endings.reset(request.socket),
    stall: () => new Promise(() => {}),
  };
}
