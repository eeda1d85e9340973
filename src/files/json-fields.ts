import { nearest } from "../runtime/nearest.ts";
import { describeRange, isInRange, type NumberRange } from "../runtime/number-range.ts";

/** An invalid field of a JSON document: its path, the problem and the fix. */
export class JsonFieldError extends Error {
  override readonly name = "JsonFieldError";
  /** Path from the document's root, such as `keys[2].state`; empty for the root itself. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(path === "" ? problem : `${path}: ${problem}`);
    this.path = path;
  }
}

/** The format of a text field. */
export interface TextRule {
  readonly pattern: RegExp;
  /** Completes "must be …". */
  readonly expected: string;
}

/** The format of server, client and key ids. */
export const IDENTIFIER: TextRule = {
  pattern: /^[!-~]{1,128}$/,
  expected: "1 to 128 printable ASCII characters without spaces",
};

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

/**
 * Reads the fields of one JSON object strictly. Methods throw {@link JsonFieldError}, which names the field and never
 * its value. Call {@link JsonFields.end} last: it refuses fields that were not read.
 */
export class JsonFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #known = new Set<string>();

  constructor(value: unknown, path = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new JsonFieldError(path, "must be a JSON object");
    }
    this.#fields = value as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  /** Throws a {@link JsonFieldError} about a field of this object. */
  fail(name: string, problem: string): never {
    throw new JsonFieldError(this.#pathOf(name), problem);
  }

  has(name: string): boolean {
    this.#known.add(name);
    return Object.hasOwn(this.#fields, name);
  }

  /** The names of all fields, for an object whose names are data. */
  names(): string[] {
    return Object.keys(this.#fields);
  }

  isArray(name: string): boolean {
    return this.has(name) && Array.isArray(this.#fields[name]);
  }

  text(name: string, rule?: TextRule): string {
    const value = this.#required(name);
    if (typeof value !== "string") return this.fail(name, "must be a text in quotes");
    if (rule !== undefined && !rule.pattern.test(value)) return this.fail(name, `must be ${rule.expected}`);
    return value;
  }

  oneOf<const T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#required(name);
    const choice = choices.find((each) => each === value);
    return choice ?? this.fail(name, `must be one of ${choices.map((each) => `"${each}"`).join(", ")}`);
  }

  number(name: string, range: NumberRange): number {
    const value = this.#required(name);
    return isInRange(value, range) ? value : this.fail(name, `must be ${describeRange(range)}`);
  }

  boolean(name: string): boolean {
    const value = this.#required(name);
    return typeof value === "boolean" ? value : this.fail(name, "must be true or false");
  }

  /** Reads a time such as "2026-11-22T12:00:00Z" into Unix milliseconds. */
  time(name: string): number {
    const ms = parseTime(this.text(name));
    return ms ?? this.fail(name, 'must be a UTC time such as "2026-11-22T12:00:00Z"');
  }

  texts(name: string, rule?: TextRule): string[] {
    return this.#array(name).map((value, index) => {
      const each = `${name}[${index}]`;
      if (typeof value !== "string") return this.fail(each, "must be a text in quotes");
      if (rule !== undefined && !rule.pattern.test(value)) return this.fail(each, `must be ${rule.expected}`);
      return value;
    });
  }

  object(name: string): JsonFields {
    return new JsonFields(this.#required(name), this.#pathOf(name));
  }

  objects(name: string): JsonFields[] {
    return this.#array(name).map((value, index) => new JsonFields(value, this.#pathOf(`${name}[${index}]`)));
  }

  /** Refuses fields that no method has read. */
  end(): void {
    const unknown = Object.keys(this.#fields).find((name) => !this.#known.has(name));
    if (unknown === undefined) return;
    const near = nearest(unknown, [...this.#known]);
    const known = near === undefined ? `the fields are ${[...this.#known].join(", ")}` : `the nearest is ${near}`;
    throw new JsonFieldError(this.#path, `has an unknown field ${JSON.stringify(unknown)}; ${known}`);
  }

  #pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  #required(name: string): unknown {
    return this.has(name) ? this.#fields[name] : this.fail(name, "is missing");
  }

  #array(name: string): readonly unknown[] {
    const value = this.#required(name);
    return Array.isArray(value) ? value : this.fail(name, "must be a list in square brackets");
  }
}

/** Reads a time such as "2026-11-22T12:00:00Z" into Unix milliseconds; `undefined` if it is not one. */
export function parseTime(text: string): number | undefined {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * Formats Unix milliseconds as {@link parseTime} reads them, without a zero fraction. A time outside the years 0 to
 * 9999 becomes a text that {@link parseTime} refuses.
 */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString().replace(".000Z", "Z");
}
