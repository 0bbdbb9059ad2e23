import got from "got";
import type { BodyReader } from "./contender.ts";

export const gotBody: BodyReader = (url, receive) =>
  new Promise((resolve, reject) => {
    got.stream(url).on("data", receive).on("end", resolve).on("error", reject);
  });
