import type { StreamResponse } from "@longwire/core";

/** An answer of this media type, as a dialect looks at it. */
export function answer(contentType: string): StreamResponse {
  return {
    url: "http://a.example/",
    status: 200,
    headers: new Headers(contentType === "" ? {} : { "content-type": contentType }),
    framing: "chunked",
    body: (async function* () {})(),
    release() {},
  };
}
