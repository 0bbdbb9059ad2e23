import axios from "axios";
import type { Readable } from "node:stream";
import type { BodyReader } from "./contender.ts";

export const axiosBody: BodyReader = async (url, receive) => {
  const { data } = await axios.get<Readable>(url, { responseType: "stream" });
  await new Promise<void>((resolve, reject) => data.on("data", receive).on("end", resolve).on("error", reject));
};
