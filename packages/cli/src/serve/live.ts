import type { Clock } from "@longwire/core";
import { createPublisher, type Publisher } from "@longwire/server";

/** A publisher that has something to say every so many ms. */
export function livePublisher(everyMs: number, clock: Clock): { readonly publisher: Publisher; stop(): void } {
  const publisher = createPublisher({ clock });
  let count = 0;
  let cancel = clock.timer(everyMs, tick);

  function tick(): void {
    const at = new Date(clock.date()).toISOString();
    void publisher.publish("ticks", { tick: ++count, at }, { type: "tick" });
    cancel = clock.timer(everyMs, tick);
  }

  return { publisher, stop: () => cancel() };
}
