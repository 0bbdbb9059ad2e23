export interface SseOptions { readonly maxItemBytes?: number | undefined }
export function sseDialect(options: SseOptions): never { throw new Error(String(options)); }
