import type { Feed } from "./feed.ts";

/** The same feed with long pieces in slices, so that who takes one slowly is seen to take it. */
export function slicedFeed(feed: Feed): Feed {
  let rest: Uint8Array | undefined;
  return {
    async next() {
      const piece = rest ?? (await feed.next());
      rest = piece && piece.length > sliceBytes ? piece.subarray(sliceBytes) : undefined;
      return piece?.subarray(0, sliceBytes);
    },
    heartbeat: () => feed.heartbeat(),
    leave: () => feed.leave(),
    cut: feed.cut,
  };
}

const sliceBytes = 64 * 1_024;
