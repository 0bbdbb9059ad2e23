/**
 * The URL as errors, notices and stats print it: no userinfo, no fragment, and `***` for every query value, since values
 * are where tokens travel.
 */
export function shownUrl(url: string): string {
  const start = url.search(/[?#]/);
  const base = (start === -1 ? url : url.slice(0, start)).replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1");
  if (start === -1 || url[start] === "#") return base;
  const query = url.slice(start + 1).replace(/#.*$/s, "");
  const masked = query.split("&").map((pair) => pair.replace(/=.*$/s, "=***"));
  return `${base}?${masked.join("&")}`;
}
