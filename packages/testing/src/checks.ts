// What a caller gives is checked at the door: a wrong name or kind is a TypeError, a number out of range a RangeError. Both print
// the value.

/** Checks the value of a name. */
export type Check = (name: string, value: unknown) => void;

/** A check for each field; what is `undefined` is not checked. */
export type Checks<Fields> = Readonly<Record<keyof Fields & string, Check>>;

/** Checks an object that has these fields and no other; `what` begins the sentence, and `such` may go on with an example. */
export function checkFields<Fields>(what: string, value: unknown, checks: Checks<Fields>, such = ""): void {
  if (kindOf(value) !== "[object Object]") throw new TypeError(`${what} must be an object${such}, not ${shown(value)}`);
  for (const [name, field] of Object.entries(value as object)) {
    if (field === undefined) continue;
    if (!Object.hasOwn(checks, name)) {
      throw new TypeError(`${what} has no ${name}; it has ${Object.keys(checks).join(", ")}`);
    }
    checks[name as keyof Fields & string](name, field);
  }
}

export const whole =
  (from: number, to: number = Number.MAX_SAFE_INTEGER): Check =>
  (name, value) => {
    checkNumber(name, value);
    if (Number.isInteger(value) && value >= from && value <= to) return;
    const range = to === Number.MAX_SAFE_INTEGER ? `from ${from} up` : `from ${from} to ${to}`;
    throw new RangeError(`${name} must be a whole number ${range}, not ${value}`);
  };

export const ms: Check = (name, value) => {
  checkNumber(name, value);
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return;
  throw new RangeError(`${name} must be a number of milliseconds, 0 or more, not ${value}`);
};

export const flag: Check = (name, value) => {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false, not ${shown(value)}`);
};

export const clock: Check = (name, value) => {
  const { now, timer } = Object(value) as Readonly<Record<string, unknown>>;
  if (typeof now === "function" && typeof timer === "function") return;
  throw new TypeError(`${name} must be a Clock, such as fakeClock() makes, not ${shown(value)}`);
};

export const oneOf =
  (known: readonly string[]): Check =>
  (name, value) => {
    if (known.includes(value as string)) return;
    throw new TypeError(`${name} must be one of ${known.join(", ")}, not ${shown(value)}`);
  };

/** A value as an error prints it. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (Object(value) !== value) return typeof value === "string" ? JSON.stringify(value) : String(value);
  const kind = kindOf(value);
  try {
    return kind === "[object Object]" || kind === "[object Array]" ? JSON.stringify(value) : kind;
  } catch {
    // It has itself in it, or a bigint.
    return kind;
  }
}

/** As its class says: `[object Object]` where it says nothing. */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

function checkNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${shown(value)}`);
}
