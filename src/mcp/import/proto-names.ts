import { toToolName } from "../../tools/tool-name.ts";

/** Makes names that no other of the same scope has. */
export class NameScope {
  readonly #taken = new Set<string>();

  /** The name, or the name with the next free number. */
  take(name: string): string {
    let free = name;
    for (let number = 2; this.#taken.has(free); number += 1) free = `${name}_${number}`;
    this.#taken.add(free);
    return free;
  }
}

/** A property's name as a field has it: `maxResults` and `max-results` are `max_results`. */
export function fieldName(property: string): string {
  const words = property.replaceAll(/[^A-Za-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "");
  const name = toToolName(words);
  return /^[a-z]/.test(name) ? name : `field_${name}`.replace(/_$/, "");
}

/** A name as a message or a method has it: `max-results` is `MaxResults`. */
export function typeName(words: string): string {
  const name = fieldName(words)
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
  return /^[A-Z]/.test(name) ? name : `Type${name}`;
}

/** The JSON name that a field has by default. */
export function jsonName(field: string): string {
  return field.replaceAll(/_+([A-Za-z0-9])?/g, (_all, letter: string = "") => letter.toUpperCase());
}
