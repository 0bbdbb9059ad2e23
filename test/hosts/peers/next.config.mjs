import { fileURLToPath } from "node:url";

// The app imports what stands outside of its folder.
export default { turbopack: { root: fileURLToPath(new URL("../../..", import.meta.url)) } };
