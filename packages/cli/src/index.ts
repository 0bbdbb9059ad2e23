export { longwire } from "./longwire.ts";
export type { World } from "./world.ts";
