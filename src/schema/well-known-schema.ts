import type { DescMessage } from "@bufbuild/protobuf";
import { anyObject, type Direction, type JsonSchema } from "./json-schema.ts";
import { DURATION, FIELD_MASK, TIMESTAMP } from "./text-patterns.ts";

/** The schema of a message whose JSON form the specification of ProtoJSON fixes, and what to say of it. */
export interface WellKnownSchema {
  readonly schema: JsonSchema;
  readonly hint: string;
}

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
      return { schema: anyList(), hint: "" };
    case "Value":
      return {
        schema: {
          anyOf: [
            { type: "string" },
            { type: "number" },
            { type: "boolean" },
            { type: "null" },
            anyObject(),
            anyList(),
          ],
        },
        hint: "",
      };
    default:
      return undefined;
  }
}

function anyList(): JsonSchema {
  return { type: "array", items: {} };
}
