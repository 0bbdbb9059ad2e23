import type { Feed, FeedReader } from "./feed.ts";

/** The same feed with long pieces in slices, so that who takes one slowly is seen to take it. */
export function slicedFeed(feed: Feed): Feed {
  let rest: Uint8Array | undefined;
  return {
    take() {
      const piece = rest ?? feed.take();
      rest = piece && piece.length > sliceBytes ? piece.subarray(sliceBytes) : undefined;
      return piece?.subarray(0, sliceBytes);
    },
    get isOver() {
      return rest === undefined && feed.isOver;
    },
    wait: (reader: FeedReader) => feed.wait(reader),
    heartbeat: () => feed.heartbeat(),
    leave: () => feed.leave(),
    cut: feed.cut,
  };
}

const sliceBytes = 64 * 1_024;
