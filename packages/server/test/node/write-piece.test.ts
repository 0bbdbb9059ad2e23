import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { writePiece } from "../../src/node/write-piece.ts";
import { serving } from "../serving.ts";

/** Around what is framed here, and around each more digit of a size. */
const sizes = [0, 1, 15, 16, 255, 256, 4_095, 4_096, 16_383, 16_384, 16_385, 70_000];

describe("writePiece", () => {
  it.each(["head", "piece"])(
    "puts the bytes on the wire that response.write does, when the %s leaves first",
    async (first) => {
      const write = async (response: ServerResponse, way: (piece: Uint8Array) => boolean): Promise<void> => {
        response.setHeader("trailer", "x-sum");
        response.sendDate = false;
        if (first === "head") response.flushHeaders();
        for (const size of sizes) if (!way(Buffer.alloc(size, (size % 26) + 97))) await once(response, "drain");
        response.addTrailers({ "x-sum": "7" });
        response.end("end");
      };
      const ours = await answered((response) => write(response, (piece) => writePiece(response, piece)));
      const theirs = await answered((response) => write(response, (piece) => response.write(piece)));
      expect(ours.equals(theirs)).toBe(true);
      expect(ours.length).toBeGreaterThan(100_000);
    },
  );

  it("hands a short piece to the socket as one part, where Node hands over four", async () => {
    const parts: Record<string, number> = { ours: 0, theirs: 0 };
    for (const whose of ["ours", "theirs"]) {
      await answered((response) => {
        response.flushHeaders();
        const { socket } = response;
        const write = socket?.write.bind(socket) as (...args: unknown[]) => boolean;
        Object.assign(socket as object, {
          write(...args: unknown[]) {
            parts[whose] = (parts[whose] as number) + 1;
            return write(...args);
          },
        });
        if (whose === "ours") writePiece(response, Buffer.from("one"));
        else response.write(Buffer.from("one"));
        Reflect.deleteProperty(socket as object, "write");
        response.end();
      });
    }
    expect(parts).toEqual({ ours: 1, theirs: 4 });
  });

  it("gives who wraps a response the piece itself", async () => {
    const seen: unknown[] = [];
    const piece = Buffer.from("one");
    await answered((response) => {
      const write = response.write.bind(response);
      response.write = ((chunk: Uint8Array) => {
        seen.push(chunk);
        return write(chunk);
      }) as typeof write;
      response.flushHeaders();
      writePiece(response, piece);
      response.end();
    });
    expect(seen[0]).toBe(piece);
  });

  it("frames nothing of a body that has a length, or that only the connection's end ends", async () => {
    const whole = await answered((response) => {
      response.writeHead(200, { "content-length": 3 }).flushHeaders();
      writePiece(response, Buffer.from("one"));
      response.end();
    });
    expect(whole.toString()).toMatch(/\r\n\r\none$/);
    const open = await answered((response) => {
      response.flushHeaders();
      writePiece(response, Buffer.from("one"));
      response.end();
    }, "1.0");
    expect(open.toString()).toMatch(/\r\n\r\none$/);
  });

  it("calls back when the piece has left", async () => {
    let left: unknown;
    await answered(async (response) => {
      response.flushHeaders();
      left = await new Promise((resolve) =>
        writePiece(response, Buffer.from("one"), (error) => resolve(error ?? "left")),
      );
      response.end();
    });
    expect(left).toBe("left");
  });
});

/** The whole answer, as it came over the wire. */
async function answered(answer: (response: ServerResponse) => unknown, version = "1.1"): Promise<Buffer> {
  await using server = await serving(async (_request, response) => void (await answer(response as ServerResponse)));
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(`GET / HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return await buffer(socket);
}
