import type { ResponseHeaders } from "../transport/transport.ts";

/** The coding that a body is still in; `undefined` when it is plain. */
export function contentEncoding(headers: ResponseHeaders): string | undefined {
  const value = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  return value === "" || value === "identity" ? undefined : value;
}
