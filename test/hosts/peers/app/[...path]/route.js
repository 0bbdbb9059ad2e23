import { App } from "../../../app.ts";

export const { fetch: GET } = new App();
