// A worker; where it has Durable Objects bound, one of them answers all requests.

import { App } from "../app.ts";

interface Environment {
  readonly objects?: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(request: Request): Promise<Response> };
  };
}

const app = new App();

export default {
  fetch(request: Request, { objects }: Environment): Promise<Response> {
    return objects ? objects.get(objects.idFromName("app")).fetch(request) : app.fetch(request);
  },
};

export class AppObject {
  readonly #app = new App();

  fetch(request: Request): Promise<Response> {
    return this.#app.fetch(request);
  }
}
