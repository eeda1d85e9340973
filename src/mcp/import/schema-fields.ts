import type { JsonSchema } from "./json-schema.ts";
import type { ProtoField, ProtoMessage } from "./proto-model.ts";
import { fieldName, jsonName, NameScope, typeName } from "./proto-names.ts";
import { type MappedRules, type Rules, rulesOf } from "./schema-rules.ts";

/** What stands for a schema in a message. */
interface MappedType {
  /** The type without a label; "repeated X" and "map<…>" have none. */
  readonly type: string;
  readonly rules: Rules;
  readonly notes: readonly string[];
}

const STRUCT = "google.protobuf.Struct";
const VALUE = "google.protobuf.Value";
const LIST_VALUE = "google.protobuf.ListValue";
const INT32 = { least: -2_147_483_648, most: 2_147_483_647 };
const NO_RULES: Rules = new Map();

/** Maximum depth of messages, and number of references in a row. What is deeper becomes a free-form value. */
const DEPTH_MOST = 12;

/** Makes the message of a schema. What has no counterpart is said in comments. */
export function messageOf(name: string, schema: JsonSchema): ProtoMessage {
  return new SchemaReader(schema).message(name, schema, []);
}

class SchemaReader {
  readonly #root: JsonSchema;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  message(name: string, schema: JsonSchema, trail: readonly JsonSchema[]): ProtoMessage {
    const fields = new NameScope();
    const types = new NameScope();
    const messages: ProtoMessage[] = [];
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const nest = (wanted: string, inner: JsonSchema): string => {
      const own = types.take(typeName(wanted));
      messages.push(this.message(own, inner, [...trail, schema]));
      return own;
    };
    const read = Object.entries(objectOf(schema.properties)).map(([property, given]): ProtoField => {
      const field = fields.take(fieldName(property));
      const { resolved, notes } = this.#resolve(given);
      const mapped = this.#typeOf(property, resolved, { nest, trail: [...trail, schema] });
      const isScalar = !/^(?:repeated|map<)/.test(mapped.type);
      const rules = new Map(mapped.rules);
      if (required.has(property) && isScalar) rules.set("required", ["true"]);
      const isNeeded = required.has(property) && !isScalar ? ["Required, but may be empty."] : [];
      return {
        name: field,
        jsonName: jsonName(field) === property ? undefined : property,
        type: isScalar && !/[A-Z.]/.test(mapped.type) ? `optional ${mapped.type}` : mapped.type,
        rules,
        comment: [...commentOf(resolved, property), ...notes, ...mapped.notes, ...isNeeded],
      };
    });
    const { unmapped } = rulesOf(schema, "message");
    const extra = typeof schema.additionalProperties === "object" ? ["Not mapped: additionalProperties."] : [];
    return { name, comment: [...notMapped(unmapped), ...extra], fields: read, messages };
  }

  /** Follows references inside the schema, and takes "null" out of a type, which a field that is not set stands for. */
  #resolve(given: unknown): { readonly resolved: JsonSchema; readonly notes: readonly string[] } {
    let schema = objectOf(given);
    for (let hops = 0; typeof schema.$ref === "string" && hops < DEPTH_MOST; hops += 1) {
      const { $ref, ...rest } = schema;
      const target = this.#find($ref as string);
      if (target === undefined) return { resolved: rest, notes: [`Not mapped: $ref ${JSON.stringify($ref)}.`] };
      schema = { ...target, ...rest };
    }
    const types = Array.isArray(schema.type) ? schema.type.filter((type) => type !== "null") : undefined;
    const resolved = types?.length === 1 ? { ...schema, type: types[0] as unknown } : schema;
    return { resolved, notes: [] };
  }

  #find(ref: string): JsonSchema | undefined {
    if (!ref.startsWith("#/")) return undefined;
    let place: unknown = this.#root;
    for (const part of ref.slice(2).split("/")) {
      const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      place = Object.hasOwn(objectOf(place), key) ? objectOf(place)[key] : undefined;
    }
    return typeof place === "object" && place !== null ? (place as JsonSchema) : undefined;
  }

  #typeOf(name: string, schema: JsonSchema, place: Place): MappedType {
    switch (schema.type ?? impliedType(schema)) {
      case "string":
        return mapped("string", rulesOf(schema, "string"));
      case "boolean":
        return mapped("bool", rulesOf(schema, "bool"));
      case "number":
        return mapped("double", rulesOf(schema, "double"));
      case "integer": {
        const type = isInt32(schema) ? "int32" : "int64";
        return mapped(type, rulesOf(schema, type));
      }
      case "array":
        return this.#list(name, schema, place);
      case "object":
        return this.#object(name, schema, place);
      default:
        return mapped(VALUE, rulesOf(schema, VALUE));
    }
  }

  #list(name: string, schema: JsonSchema, place: Place): MappedType {
    const own = rulesOf(schema, "repeated");
    const items = this.#resolve(schema.items);
    const item = this.#typeOf(name, items.resolved, place);
    if (/^(?:repeated|map<)/.test(item.type))
      return { type: LIST_VALUE, rules: NO_RULES, notes: notMapped(own.unmapped) };
    const rules = new Map(own.rules);
    for (const [rule, value] of item.rules) rules.set(`repeated.items.${rule}`, value);
    const notes = [...notMapped(own.unmapped), ...items.notes, ...item.notes];
    return { type: `repeated ${item.type}`, rules, notes };
  }

  #object(name: string, schema: JsonSchema, { nest, trail }: Place): MappedType {
    const hasFields = Object.keys(objectOf(schema.properties)).length > 0;
    const isRecursive = trail.some(({ properties }) => properties === schema.properties);
    if (hasFields && !isRecursive && trail.length < DEPTH_MOST) {
      return { type: nest(name, schema), rules: NO_RULES, notes: [] };
    }
    const values = schema.additionalProperties;
    if (!hasFields && typeof values === "object" && values !== null) {
      const value = this.#typeOf(name, this.#resolve(values).resolved, { nest, trail: [...trail, schema] });
      if (!/^(?:repeated|map<)/.test(value.type)) {
        const { rules: own, unmapped } = rulesOf(schema, "map");
        const rules = new Map(own);
        for (const [rule, text] of value.rules) rules.set(`map.values.${rule}`, text);
        return { type: `map<string, ${value.type}>`, rules, notes: [...notMapped(unmapped), ...value.notes] };
      }
    }
    return mapped(STRUCT, rulesOf(schema, STRUCT));
  }
}

interface Place {
  /** Adds a message inside the current one and returns its name. */
  readonly nest: (name: string, schema: JsonSchema) => string;
  readonly trail: readonly JsonSchema[];
}

function mapped(type: string, { rules, unmapped }: MappedRules): MappedType {
  return { type, rules, notes: notMapped(unmapped) };
}

function notMapped(keywords: readonly string[]): readonly string[] {
  return keywords.length === 0 ? [] : [`Not mapped: ${keywords.join("; ")}.`];
}

/** A schema whose values are all texts needs no type. */
function impliedType({ enum: values, const: value, properties, items }: JsonSchema): string | undefined {
  const each = Array.isArray(values) ? values : value === undefined ? [] : [value];
  if (each.length > 0 && each.every((one) => typeof one === "string")) return "string";
  if (properties !== undefined) return "object";
  return items === undefined ? undefined : "array";
}

function isInt32({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): boolean {
  const within = (value: unknown): boolean => typeof value === "number" && value >= INT32.least && value <= INT32.most;
  return (within(minimum) || within(exclusiveMinimum)) && (within(maximum) || within(exclusiveMaximum));
}

function commentOf({ description, title, default: value }: JsonSchema, property: string): readonly string[] {
  const text = [description, title].find((each) => typeof each === "string" && each.trim() !== "");
  const lines = typeof text === "string" ? text.split(/\r\n|\r|\n/) : [`The property ${JSON.stringify(property)}.`];
  return [...lines, ...(value === undefined ? [] : [`Default: ${JSON.stringify(value)}.`])];
}

function objectOf(value: unknown): JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {};
}
