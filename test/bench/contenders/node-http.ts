import { get } from "node:http";
import type { BodyReader } from "./contender.ts";

export const nodeHttpBody: BodyReader = (url, receive) =>
  new Promise((resolve, reject) => {
    get(url, (response) => response.on("data", receive).on("end", resolve).on("error", reject)).on("error", reject);
  });
