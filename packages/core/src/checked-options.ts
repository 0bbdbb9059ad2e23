// The options of a stream, checked once, before anything is sent. A client checks its own by the same rules.

import type { ClockName } from "./errors.ts";
import type { HeadersOption, ReconnectOptions, ResumeOptions, StreamOptions, TimeoutOptions } from "./options.ts";
import { checkedHeaders, type HeaderRecord } from "./request/header-record.ts";
import { defined } from "./request/defined.ts";
import { isPlainRecord } from "./request/plain-record.ts";
import { kindOf, printed } from "./request/printed.ts";
import type { BudgetOptions } from "./session/budget.ts";
import { type ReconnectPolicy, type RetryTable, retriedCodes } from "./session/policy.ts";

/**
 * Checks every option by itself. What may be a secret is not printed. With `own`, the options that there are beside those of every
 * stream, no other name may stand among them.
 *
 * @throws TypeError, RangeError on a bad one
 */
export function checkOptions<T>(options: StreamOptions<T>, own?: Readonly<Record<string, true>>): void {
  if (!isObject(options)) throw new TypeError(`The options must be an object, not ${printed(options)}`);
  if (own) checkNames("This call", options, { ...own, ...kinds, ...checkedApart });
  checkKinds("", options, kinds);
  if (options.resume) {
    setIn("resume", options.resume, resumeKinds);
    checkKinds("resume.", options.resume, resumeKinds);
  }
  if (options.saveMs !== undefined) checkNumber("saveMs", options.saveMs);
  if (options.query !== undefined) checkQuery(options.query);
  // What a function gives is checked when it is asked.
  if (typeof options.headers !== "function") headersOf(options.headers);
  if (options.timeouts !== undefined) checkTimeouts(options.timeouts);
  if (options.reconnect !== undefined && options.reconnect !== false) checkReconnect(options.reconnect);
  if (typeof options.retryOn === "object") checkRetryTable(options.retryOn);
}

/** The headers that an option gives, names in lower case. @throws TypeError when one of them cannot be sent */
export function headersOf(option: HeadersOption | undefined): HeaderRecord {
  if (option === undefined) return {};
  if (typeof option === "function") return checkedHeaders("headers must return a plain object", option());
  return checkedHeaders("headers must be a plain object or a function that returns one", option);
}

/** A method name in upper case. @throws TypeError */
export function checkedMethod(method: unknown): string {
  if (typeof method !== "string" || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(method)) {
    throw new TypeError(`method must be a token such as "GET", not ${printed(method)}`);
  }
  return method.toUpperCase();
}

/** A number of retries; Infinity is one. @throws TypeError, RangeError that print it */
export function checkedRetries(name: string, value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${printed(value)}`);
  if (value >= 0 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return value;
  throw new RangeError(`${name} must be a whole number from 0 up, not ${value}`);
}

/** Checks the budget of a client. @throws TypeError, RangeError on a bad one */
export function checkBudget(options: BudgetOptions = {}): void {
  for (const [name, value] of setIn("budget", options, budgetNames)) checkNumber(`budget.${name}`, value);
}

/** Defaults, with what is set of the options in their place. */
export function filled<Values extends object>(
  defaults: Values,
  options: { readonly [Name in keyof Values]?: Values[Name] | undefined } = {},
): Values {
  return { ...defaults, ...defined(options) };
}

export const defaultTimeouts: Readonly<Record<ClockName, number>> = {
  connectMs: 10_000,
  headersMs: 60_000,
  firstItemMs: 0,
  idleMs: 300_000,
  progressMs: 0,
  maxAgeMs: 0,
  totalMs: 0,
};

export const defaultReconnect: ReconnectPolicy = {
  retries: Number.POSITIVE_INFINITY,
  firstMs: 500,
  maxMs: 30_000,
  floorMs: 100,
  maxElapsedMs: 0,
  healthyAfterItems: 1,
  healthyAfterMs: 10_000,
  withoutCursor: false,
};

const budgetNames: Readonly<Record<keyof BudgetOptions, true>> = { perSecond: true, burst: true };

function checkTimeouts(options: TimeoutOptions): void {
  for (const [name, value] of setIn("timeouts", options, defaultTimeouts)) {
    if (name !== "idleMs" || value !== "learn")
      checkNumber(`timeouts.${name}`, value, name === "idleMs" ? 'a number or "learn"' : undefined);
  }
}

function checkReconnect(options: ReconnectOptions): void {
  for (const [name, value] of setIn("reconnect", options, defaultReconnect)) {
    if (name === "retries") checkedRetries("reconnect.retries", value);
    else if (name !== "withoutCursor") checkNumber(`reconnect.${name}`, value);
    else if (!isBoolean(value))
      throw new TypeError(`reconnect.withoutCursor must be true or false, not ${printed(value)}`);
  }
}

function checkRetryTable(table: RetryTable): void {
  for (const [entry, retried] of Object.entries(table)) {
    if (!/^([1-5]\d\d|[1-5]xx|[1-4]\d{3})$/.test(entry) && !(retriedCodes as readonly string[]).includes(entry)) {
      const known = `a status such as 404, a class such as 5xx, a close code such as 4001, or ${retriedCodes.join(", ")}`;
      throw new TypeError(`retryOn has no ${printed(entry)}; it has ${known}`);
    }
    if (retried !== undefined && !isBoolean(retried))
      throw new TypeError(`retryOn[${printed(entry)}] must be true or false, not ${printed(retried)}`);
  }
}

function checkQuery(query: unknown): void {
  if (!isPlainRecord(query)) {
    const remedy = isObject(query) && Symbol.iterator in query ? "; give Object.fromEntries(query)" : "";
    throw new TypeError(`query must be a plain object, not ${kindOf(query)}${remedy}`);
  }
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || /^(string|number|boolean)$/.test(typeof value)) continue;
    throw new TypeError(`query.${name} must be a string, a number or a boolean, not ${kindOf(value)}`);
  }
}

/** A number of milliseconds, items or attempts. */
function checkNumber(name: string, value: unknown, wanted = "a number"): void {
  if (typeof value !== "number") throw new TypeError(`${name} must be ${wanted}, not ${printed(value)}`);
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return;
  throw new RangeError(`${name} must be a number from 0 up, and finite, not ${value}`);
}

/** What is set in a record, once all its names are known. */
function setIn(of: string, options: object, known: object): [name: string, value: unknown][] {
  if (!isPlainRecord(options)) throw new TypeError(`${of} must be a plain object, not ${printed(options)}`);
  checkNames(of, options, known);
  return Object.entries(options).filter(([, value]) => value !== undefined);
}

function checkNames(of: string, options: object, known: object): void {
  const name = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (name === undefined) return;
  throw new TypeError(`${of} has no ${printed(name)}; it has ${Object.keys(known).join(", ")}`);
}

type Kind = readonly [wanted: string, fits: (value: unknown) => boolean, secret?: "secret"];

function checkKinds(prefix: string, record: object, known: Readonly<Record<string, Kind>>): void {
  for (const [name, [wanted, fits, secret]] of Object.entries(known)) {
    const value = (record as Readonly<Record<string, unknown>>)[name];
    if (value === undefined || fits(value)) continue;
    throw new TypeError(`${prefix}${name} must be ${wanted}, not ${secret ? kindOf(value) : printed(value)}`);
  }
}

const isFunction = (value: unknown): boolean => typeof value === "function";
const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const has =
  (...methods: readonly string[]) =>
  (value: unknown): boolean =>
    isObject(value) && methods.every((name) => isFunction((value as Readonly<Record<string, unknown>>)[name]));

const kinds = {
  signal: ["an AbortSignal", has("addEventListener")],
  body: [
    "text, bytes, an async iterable of bytes or a function that makes one of them",
    (value) =>
      typeof value === "string" ||
      value instanceof Uint8Array ||
      isFunction(value) ||
      Symbol.asyncIterator in Object(value),
    "secret",
  ],
  auth: ["a function, such as bearer(token) makes", isFunction, "secret"],
  transport: ["a function", isFunction],
  retryOn: [
    "a table such as { 404: true, idle: false }, or a function",
    (value) => isFunction(value) || isPlainRecord(value),
  ],
  replayable: ["true or false", isBoolean],
  resume: ["an object", isObject],
  cursorStore: ["a CursorStore, such as memoryCursorStore() makes", has("load", "save")],
  heartbeat: ["a function", isFunction],
  until: [
    'a string, { event: "name" } or a function',
    (value) => typeof value === "string" || isFunction(value) || typeof Object(value).event === "string",
  ],
  accept: ["an Accept header", (value) => typeof value === "string"],
  budget: ["a Budget, such as createBudget(clock) makes", has("take", "giveBack")],
  running: ["a set of streams", has("add", "delete")],
  watch: ["a function, such as diagnostics() makes", isFunction],
  clock: ["a Clock", has("now", "date", "timer")],
  random: ["a function", isFunction],
} satisfies Readonly<Partial<Record<keyof StreamOptions<never>, Kind>>>;

const checkedApart: Readonly<Record<Exclude<keyof StreamOptions<never>, keyof typeof kinds>, true>> = {
  method: true,
  headers: true,
  query: true,
  json: true,
  timeouts: true,
  reconnect: true,
  saveMs: true,
  policy: true,
  capacity: true,
  baseUrl: true,
};

const resumeKinds: Readonly<Record<keyof ResumeOptions<never>, Kind>> = {
  cursor: ["a function", isFunction],
  apply: ["a function", isFunction],
  from: ["a string or a finite number", (value) => typeof value === "string" || Number.isFinite(value)],
  forever: ["true or false", isBoolean],
  dropReplayed: ["true or false", isBoolean],
  gap: ["a function", isFunction],
  lost: ["a function", isFunction],
  onGap: ['"error" or "restart"', (value) => value === "error" || value === "restart"],
};
