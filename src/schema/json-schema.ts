import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** A JSON Schema, of draft 2020-12 and, in what it says, also of draft 7. */
export type JsonSchema = JsonObject;

/**
 * What a schema is for. "input": it accepts only JSON that ProtoJSON parsers accept, and says the rules of the contract.
 * "output": it accepts all JSON that a ProtoJSON writer may write; rules are left out, because servers do not check
 * their answers by them.
 */
export type Direction = "input" | "output";

/** A schema for any JSON object. */
export function anyObject(): JsonSchema {
  return { type: "object", additionalProperties: true };
}

/** A schema for one of some values. */
export function oneOfValues(type: string, values: readonly JsonValue[]): JsonSchema {
  return { type, enum: [...values] };
}

/** Adds conditions to a schema. Those with a keyword that it already has are added under `allOf`. */
export function withConditions(schema: JsonSchema, conditions: readonly JsonSchema[]): JsonSchema {
  const result: JsonSchema = { ...schema };
  const others: JsonSchema[] = [];
  for (const condition of conditions) {
    if (Object.keys(condition).some((keyword) => keyword in result)) others.push(condition);
    else Object.assign(result, condition);
  }
  return others.length === 0 ? result : { ...result, allOf: others };
}
