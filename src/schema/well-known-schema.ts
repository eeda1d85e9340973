import type { DescMessage } from "@bufbuild/protobuf";
import { anyObject, type Direction, type JsonSchema } from "./json-schema.ts";
import { DURATION, FIELD_MASK, TIMESTAMP } from "./text-patterns.ts";

/** The schema of a message whose JSON form the specification of ProtoJSON fixes, and what to say of it. */
export interface WellKnownSchema {
  readonly schema: JsonSchema;
  readonly hint: string;
}

/** How many lists a schema describes one within the other. */
const LIST_LEVELS = 2;
const PACKAGE = "google.protobuf.";

/** The schema of Timestamp, Duration, FieldMask, Struct, Value, ListValue; `undefined` for other messages. */
export function wellKnownSchema({ typeName }: DescMessage, direction: Direction): WellKnownSchema | undefined {
  const isInput = direction === "input";
  if (!typeName.startsWith(PACKAGE)) return undefined;
  switch (typeName.slice(PACKAGE.length)) {
    case "Timestamp":
      return {
        schema: { type: "string", format: "date-time", ...(isInput && { pattern: TIMESTAMP }) },
        hint: isInput ? 'A time such as "2026-11-22T12:00:00Z".' : "",
      };
    case "Duration":
      return {
        schema: { type: "string", pattern: isInput ? DURATION : "^-?[0-9]+(?:\\.[0-9]{1,9})?s$" },
        hint: 'A time span in seconds, such as "1.5s".',
      };
    case "FieldMask":
      return {
        schema: { type: "string", ...(isInput && { pattern: FIELD_MASK }) },
        hint: 'Names of fields in lowerCamelCase, such as "displayName,address.city".',
      };
    case "Struct":
      return { schema: anyObject(), hint: "" };
    case "ListValue":
      return { schema: anyList(direction, LIST_LEVELS), hint: "" };
    case "Value":
      return { schema: anyValue(direction, LIST_LEVELS), hint: "" };
    default:
      return undefined;
  }
}

/** Any JSON, by a branch for each type. */
function anyValue(direction: Direction, levels: number): JsonSchema {
  const types = ["string", "number", "boolean", "null"].map((type) => ({ type }));
  const lists = levels === 0 && direction === "input" ? [] : [anyList(direction, levels)];
  return { anyOf: [...types, anyObject(), ...lists] };
}

/**
 * Any list. Some hosts refuse a list that does not say what its items are, and items of any kind, so that arguments have
 * lists in lists, but none below.
 */
function anyList(direction: Direction, levels: number): JsonSchema {
  return { type: "array", ...(levels > 0 && { items: anyValue(direction, levels - 1) }) };
}
