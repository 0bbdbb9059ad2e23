import type { Transport } from "./transport.ts";

/** What this needs of a browser's or a worker's `globalThis`; Node's has none of it. */
export interface WakeScope {
  readonly addEventListener?: EventTarget["addEventListener"] | undefined;
  readonly removeEventListener?: EventTarget["removeEventListener"] | undefined;
  readonly document?: (EventTarget & { readonly visibilityState: string }) | undefined;
}

/**
 * The `onWake` of a runtime that tells when a broken connection is worth another try: the network is back (`online`), the page is
 * looked at again (`visibilitychange`), or it comes out of the back-forward cache, where its connections were cut (`pageshow`,
 * `persisted`). `undefined` where the runtime tells nothing.
 */
export function wakeEvents(scope: WakeScope): Transport["onWake"] {
  if (typeof scope.addEventListener !== "function") return undefined;
  return (listener) => {
    const { document } = scope;
    const onOnline = (): void => listener();
    const onPageShow = (event: Event): void => {
      if ((event as PageTransitionEvent).persisted) listener();
    };
    const onVisibility = (): void => {
      if (document?.visibilityState === "visible") listener();
    };
    scope.addEventListener?.("online", onOnline);
    scope.addEventListener?.("pageshow", onPageShow);
    document?.addEventListener("visibilitychange", onVisibility);
    return () => {
      scope.removeEventListener?.("online", onOnline);
      scope.removeEventListener?.("pageshow", onPageShow);
      document?.removeEventListener("visibilitychange", onVisibility);
    };
  };
}
