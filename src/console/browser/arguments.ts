import type { Schema } from "../answers.ts";

/** The way to a value inside of the arguments: names of fields, and indexes of items. */
export type Path = readonly (string | number)[];

/** What edits a value in a form. */
export type FieldKind = "text" | "number" | "boolean" | "choice" | "list" | "fields" | "map" | "json";

/** The schema that is edited. Of alternatives, the one that is not `null`. */
export function edited(schema: Schema): Schema {
  const alternatives = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined;
  const others = alternatives?.filter(({ type }) => type !== "null") ?? [];
  const [only] = others;
  if (schema.type !== undefined || only === undefined || others.length !== 1) return schema;
  return { ...only, ...(schema.description !== undefined && { description: schema.description }) };
}

/** What edits the values of a schema. "json" for everything that has no field of its own. */
export function fieldKind(schema: Schema): FieldKind {
  const { type, enum: values, properties, additionalProperties, items } = schema;
  if (values?.every((value) => typeof value === "string")) return "choice";
  if (type === "string") return "text";
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "boolean";
  if (type === "array" && items !== undefined) return "list";
  if (type !== "object") return "json";
  if (properties !== undefined && Object.keys(properties).length > 0) return "fields";
  return typeof additionalProperties === "object" ? "map" : "json";
}

/** The value with which a field begins that is added. */
export function blankOf(schema: Schema): unknown {
  const own = edited(schema);
  switch (fieldKind(own)) {
    case "number":
      return Math.max(0, typeof own.minimum === "number" ? own.minimum : 0);
    case "boolean":
      return false;
    case "choice":
      return own.enum?.[0];
    case "list":
      return [];
    case "fields":
      return blankFields(own);
    case "map":
    case "json":
      return {};
    case "text":
      return "";
  }
}

/** The fields that an object needs, each with its first value. */
function blankFields({ properties = {}, required = [] }: Schema): object {
  const needed = required.filter((name) => Object.hasOwn(properties, name));
  return Object.fromEntries(needed.map((name) => [name, blankOf(properties[name] ?? {})]));
}

/** A member of a value; a field may be named like one that every object inherits, such as "constructor". */
export function memberOf(value: unknown, name: string | number): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string | number, unknown>>)[name]
    : undefined;
}

/** A copy of a value in which the one at the end of the path is another. `undefined` takes it out. */
export function withValue(value: unknown, [first, ...rest]: Path, next: unknown): unknown {
  if (first === undefined) return next;
  const inner = memberOf(value, first);
  const changed = rest.length === 0 ? next : withValue(inner, rest, next);
  if (Array.isArray(value) || typeof first === "number") {
    const items: unknown[] = Array.isArray(value) ? [...value] : [];
    if (changed === undefined) items.splice(Number(first), 1);
    else items[Number(first)] = changed;
    return items;
  }
  const { [first]: _, ...others } = (value ?? {}) as Record<string, unknown>;
  return changed === undefined ? others : { ...(value as object), [first]: changed };
}

/** A path as violations write it: `images[0].format`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, each) => (typeof each === "number" ? `${text}[${each}]` : text === "" ? each : `${text}.${each}`),
    "",
  );
}

/** The value of what was typed into a field for numbers. What is no number stays text, which the check then names. */
export function typedNumber(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

/** Reads arguments out of an address; `undefined` if there are none that can be read. */
export function argumentsOf(hash: string): unknown {
  const text = new URLSearchParams(hash.slice(1)).get("args");
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes arguments into an address. They stay in the browser, because no request contains what follows a "#". */
export function hashOf(args: unknown): string {
  return `#${new URLSearchParams({ args: JSON.stringify(args) })}`;
}
