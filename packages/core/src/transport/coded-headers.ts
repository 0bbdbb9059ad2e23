/** Headers that speak of the body as it came over the wire: they are untrue of one that a transport has decoded. */
export const codedHeaders: readonly string[] = ["content-encoding", "content-length", "accept-ranges", "content-range"];
