import { expect, test, vi } from "vitest";
import { onAbort } from "../../src/signal/on-abort.ts";

test("calls back once with the reason as it is", () => {
  const controller = new AbortController();
  const callback = vi.fn();
  onAbort(controller.signal, callback);
  controller.abort(null);
  controller.abort("again");
  expect(callback.mock.calls).toEqual([[null]]);
});

test("calls back at once when the signal is aborted already", () => {
  const callback = vi.fn();
  onAbort(AbortSignal.abort("before"), callback)();
  expect(callback.mock.calls).toEqual([["before"]]);
});

test("the answer takes the listener away", () => {
  const controller = new AbortController();
  const callback = vi.fn();
  onAbort(controller.signal, callback)();
  controller.abort();
  expect(callback).not.toHaveBeenCalled();
});
