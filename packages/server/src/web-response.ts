import { onAbort } from "./on-abort.ts";
import type { ResponseBody } from "./response-body.ts";
import type { CheckedResponse } from "./response-options.ts";

/**
 * A body as a web Response. Its stream has a highWaterMark of 0: what the server does not pull is not asked of the source. A feed that
 * breaks errors the stream, which servers pass on as a cut.
 */
export function webResponse(
  body: ResponseBody,
  { status, headers, onError, clock }: CheckedResponse,
  request?: Request,
): Response {
  // Nobody reads it: the source is not begun.
  if (request?.method === "HEAD") {
    body.leave();
    return new Response(null, { status, headers });
  }
  let forget = (): void => {};
  let isOver = false;
  const over = (): void => {
    isOver = true;
    forget();
    body.leave();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const broken = (reason: unknown): void => {
          over();
          controller.error(reason);
        };
        forget = onAbort(request?.signal, () => broken(request?.signal.reason));
        body.onCut(broken);
      },
      async pull(controller) {
        try {
          const piece = await body.next();
          if (isOver) return;
          if (piece) {
            controller.enqueue(piece);
            return;
          }
        } catch (error) {
          onError(error);
          over();
          // Servers write what they read in the same turn, and lose it to a body that breaks in it.
          await new Promise<void>((resolve) => clock.timer(0, resolve));
          throw error;
        }
        over();
        controller.close();
      },
      cancel: over,
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { status, headers });
}
