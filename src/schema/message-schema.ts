import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { isObject } from "../validation/json-numbers.ts";
import { commentOf } from "../wire/comments.ts";
import type { Image } from "../wire/descriptors.ts";
import { typeNameOf } from "../wire/type-name.ts";
import { enumSchema, valueComments } from "./enum-schema.ts";
import { rulesOf } from "./field-rules.ts";
import { anyObject, type Direction, type JsonSchema, oneOfValues } from "./json-schema.ts";
import { messageNotes } from "./message-notes.ts";
import { integerKeySchema, type RuledSchema } from "./number-schema.ts";
import { isRequired } from "./required-field.ts";
import { conditionalTexts, isConditional, ruleTexts, splitRules, textOf } from "./rule-texts.ts";
import { scalarHint, scalarSchema } from "./scalar-schema.ts";
import { textSchema } from "./text-schema.ts";
import { wellKnownSchema } from "./well-known-schema.ts";

/** How often a message type is written out inside itself before its schema is that of any object. */
const MOST_NESTED = 2;
/** Number of messages that one schema writes out. Types that use each other could make it as large as they like. */
const MOST_MESSAGES = 300;
/** Number of messages within each other that a schema writes out. Parsers stop at 100. */
const DEEPEST = 64;
const ANY = "google.protobuf.Any";

type Field = DescField | DescExtension;

/** A chain of message types, each of which holds the next. */
interface Trail {
  readonly desc: DescMessage;
  readonly above: Trail | undefined;
  /** False if the rules of the message and of all below it are ignored. */
  readonly isRuled: boolean;
}

/** A message whose properties are still to be written into `schema`. */
interface Task {
  readonly schema: JsonSchema;
  readonly trail: Trail;
  /** The comment of the field that holds it, or "", and what else to say. */
  texts: readonly string[];
  /** Set for the content of an Any. */
  readonly typeUrl: string | undefined;
}

/** A value's schema, and what to say of it. */
interface Described {
  readonly schema: JsonSchema;
  readonly texts: readonly string[];
}

/** The rules of a value, its name for them, and whether a zero counts as absent. */
interface Ruled {
  readonly rules: JsonObject;
  readonly isRequired: boolean;
}

const NO_RULES: Ruled = { rules: {}, isRequired: false };

/** Makes the schema of a message. Types are written out level by level, so that what is near the root is complete. */
export function messageSchema(image: Image, desc: DescMessage, direction: Direction): JsonSchema {
  return new SchemaWriter(image, direction).write(desc);
}

class SchemaWriter {
  readonly #image: Image;
  readonly #direction: Direction;
  readonly #extensions = new Map<string, DescExtension[]>();
  readonly #tasks: Task[] = [];
  readonly #waiting = new Map<JsonSchema, Task>();

  constructor(image: Image, direction: Direction) {
    this.#image = image;
    this.#direction = direction;
    for (const type of image.registry) {
      if (type.kind !== "extension" || type.extendee.typeName.startsWith("google.protobuf.")) continue;
      const known = this.#extensions.get(type.extendee.typeName) ?? [];
      this.#extensions.set(type.extendee.typeName, [...known, type]);
    }
  }

  write(desc: DescMessage): JsonSchema {
    const { schema, texts } = this.#message(desc, NO_RULES, undefined);
    const root = this.#described(schema, texts);
    // The array grows during the loop.
    for (const task of this.#tasks) this.#fill(task);
    return root;
  }

  #fill({ schema, trail, texts, typeUrl }: Task): void {
    const { desc } = trail;
    const properties: [string, JsonValue][] = [];
    const required: string[] = [];
    if (typeUrl !== undefined) {
      properties.push(["@type", oneOfValues("string", [typeUrl])]);
      required.push("@type");
    }
    for (const field of this.#fields(desc)) {
      const name = field.kind === "extension" ? field.jsonName : field.name;
      properties.push([name, this.#field(field, trail)]);
      if (this.#direction === "input" && isRequired(field, trail.isRuled)) required.push(name);
    }
    const [comment = "", ...notes] = texts;
    const own = [comment || this.#commentOf(desc), ...notes];
    const text = textOf(this.#direction === "input" ? [...own, ...messageNotes(desc, trail.isRuled)] : own);
    Object.assign(schema, {
      type: "object",
      ...(text !== "" && { description: text }),
      // Not by assignment: a field may be named __proto__.
      properties: Object.fromEntries(properties),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    });
  }

  /** The brackets around the name of an extension are refused by some hosts, so that only answers have extensions. */
  #fields(desc: DescMessage): readonly Field[] {
    if (this.#direction === "input") return desc.fields;
    return [...desc.fields, ...(this.#extensions.get(desc.typeName) ?? [])];
  }

  /** Comments of Google's types explain their use in a contract. */
  #commentOf(desc: DescMessage): string {
    return desc.typeName.startsWith("google.") ? "" : commentOf(this.#image, desc);
  }

  /** Adds a description. A message that is still to be written out takes it up then. */
  #described(schema: JsonSchema, texts: readonly string[]): JsonSchema {
    const task = this.#waiting.get(schema);
    if (task !== undefined) task.texts = texts;
    const text = textOf(texts);
    if (task !== undefined || text === "") return schema;
    const { type, ...rest } = schema;
    return { ...(type !== undefined && { type }), description: text, ...rest };
  }

  #field(field: Field, trail: Trail): JsonSchema {
    const comment = field.kind === "field" ? commentOf(this.#image, field) : "";
    const { ignore, required = false, ...rules } = trail.isRuled ? rulesOf(field) : {};
    const isUnset = required === true && field.presence === FeatureSet_FieldPresence.IMPLICIT;
    const { schema, texts } =
      ignore === "IGNORE_ALWAYS"
        ? this.#shape(field, NO_RULES, unruled(trail))
        : this.#shape(field, { rules, isRequired: isUnset }, trail);
    return this.#described(schema, [comment, ...texts, field.deprecated ? "Deprecated." : ""]);
  }

  #shape(field: Field, given: Ruled, trail: Trail): Described {
    switch (field.fieldKind) {
      case "list":
        return this.#list(field, given, trail);
      case "map":
        return this.#map(field, given, trail);
      default:
        return this.#value(field, given, trail);
    }
  }

  #list(field: Field, { rules, isRequired }: Ruled, trail: Trail): Described {
    const { repeated, ...others } = rules;
    const { minItems, maxItems, unique, items, ...unsaid } = isObject(repeated) ? repeated : {};
    const item = this.#item(field, items, trail);
    const least = Math.max(Number(minItems ?? 0), isRequired ? 1 : 0);
    return {
      schema: {
        type: "array",
        items: item,
        ...(least > 0 && { minItems: least }),
        ...(maxItems !== undefined && { maxItems: Number(maxItems) }),
        ...(unique === true && { uniqueItems: true }),
      },
      texts: ruleTexts({ repeated: unsaid, ...others }),
    };
  }

  #map(field: Field & { readonly fieldKind: "map" }, { rules, isRequired }: Ruled, trail: Trail): Described {
    const { map, ...others } = rules;
    const { minPairs, maxPairs, keys, values, ...unsaid } = isObject(map) ? map : {};
    const least = Math.max(Number(minPairs ?? 0), isRequired ? 1 : 0);
    const key = this.#key(field.mapKey, keys);
    return {
      schema: {
        type: "object",
        ...(key !== undefined && { propertyNames: key }),
        additionalProperties: this.#item(field, values, trail),
        ...(least > 0 && { minProperties: least }),
        ...(maxPairs !== undefined && { maxProperties: Number(maxPairs) }),
      },
      texts: ruleTexts({ map: unsaid, ...others }),
    };
  }

  /** The schema of the keys of a map; `undefined` if any text is one. */
  #key(type: ScalarType, rules: JsonValue | undefined): JsonSchema | undefined {
    if (this.#direction === "output") return undefined;
    if (type === ScalarType.BOOL) return oneOfValues("string", ["true", "false"]);
    const { kind, typed, others } = splitRules(isConditional(rules) ? {} : rules);
    const given = { rules: typed, isRequired: false };
    const { schema, unsaid } = type === ScalarType.STRING ? textSchema("input", given) : integerKeySchema(type, given);
    const texts = isConditional(rules) ? conditionalTexts(rules) : ruleTexts({ [kind]: unsaid, ...others });
    const key = this.#described(schema, texts);
    return type === ScalarType.STRING && Object.keys(key).length === 1 ? undefined : key;
  }

  /** The schema of an item of a list or a value of a map. Rules that an empty one need not satisfy are only described. */
  #item(field: Field, rules: JsonValue | undefined, trail: Trail): JsonSchema {
    const { ignore, ...own } = isObject(rules) ? rules : {};
    const isIgnored = ignore === "IGNORE_ALWAYS";
    const given = isIgnored || isConditional(rules) ? NO_RULES : { rules: own, isRequired: false };
    const { schema, texts } = this.#value(field, given, isIgnored ? unruled(trail) : trail);
    return this.#described(schema, ["", ...texts, ...(isConditional(rules) ? conditionalTexts(rules) : [])]);
  }

  /** The schema of a field that is no list or map, or of an item of one. */
  #value({ scalar, enum: values, message }: Field, given: Ruled, trail: Trail): Described {
    if (message !== undefined) return this.#message(message, given, trail);
    const { kind, typed, others } = splitRules(given.rules);
    const own = { rules: typed, isRequired: given.isRequired };
    const { schema, unsaid }: RuledSchema =
      values === undefined
        ? scalarSchema(scalar as ScalarType, this.#direction, own)
        : enumSchema(values, this.#direction, own);
    const hint =
      values === undefined
        ? scalarHint(scalar as ScalarType)
        : valueComments(values, schema, (value) => commentOf(this.#image, value));
    return { schema, texts: [hint, ...ruleTexts({ [kind]: unsaid, ...others })] };
  }

  #message(desc: DescMessage, given: Ruled, above: Trail | undefined): Described {
    if (isWrapperDesc(desc)) {
      const [{ scalar }] = desc.fields;
      const { kind, typed, others } = splitRules(given.rules);
      const { schema, unsaid } = scalarSchema(scalar, this.#direction, { rules: typed, isRequired: false });
      return { schema, texts: [scalarHint(scalar), ...ruleTexts({ [kind]: unsaid, ...others })] };
    }
    const texts = ruleTexts(given.rules);
    if (desc.typeName === ANY) return this.#any(given.rules, above);
    const known = wellKnownSchema(desc, this.#direction);
    if (known !== undefined) return { schema: known.schema, texts: [known.hint, ...texts] };
    const { schema, texts: more } = this.#writtenOut(desc, undefined, above);
    return { schema, texts: [...more, ...texts] };
  }

  /** Queues a message, unless it is nested too deeply or the schema is large already. */
  #writtenOut(desc: DescMessage, typeUrl: string | undefined, above: Trail | undefined): Described {
    let nested = 0;
    let depth = 0;
    for (let trail = above; trail !== undefined; trail = trail.above) {
      if (trail.desc === desc) nested += 1;
      depth += 1;
    }
    if (nested >= MOST_NESTED || depth >= DEEPEST || this.#tasks.length >= MOST_MESSAGES) {
      return { schema: anyObject(), texts: [NOT_WRITTEN_OUT] };
    }
    // Rules are not checked inside an Any.
    const isRuled = this.#direction === "input" && typeUrl === undefined && above?.isRuled !== false;
    const task: Task = { schema: {}, trail: { desc, above, isRuled }, texts: [], typeUrl };
    this.#tasks.push(task);
    this.#waiting.set(task.schema, task);
    return { schema: task.schema, texts: [] };
  }

  /** Any of the types that a rule names, if the contract has all of them; otherwise an object with "@type". */
  #any(rules: JsonObject, above: Trail | undefined): Described {
    const { typed } = splitRules(rules);
    const urls = Array.isArray(typed.in) ? typed.in.map(String) : [];
    const types = urls.map((url) => this.#image.registry.getMessage(typeNameOf(url)));
    const texts = ruleTexts(rules);
    const isWritable = types.every((type) => type !== undefined && !type.typeName.startsWith("google.protobuf."));
    if (this.#direction === "input" && urls.length > 0 && isWritable) {
      const contents = types.map((type, index) => this.#writtenOut(type as DescMessage, urls[index], above));
      return { schema: { anyOf: contents.map(({ schema }) => schema) }, texts };
    }
    const required = this.#direction === "input" ? { required: ["@type"] } : {};
    const schema = { ...anyObject(), properties: { "@type": { type: "string" } }, ...required };
    return {
      schema,
      texts: ['A message with its type in "@type", such as "type.googleapis.com/a.v1.Note".', ...texts],
    };
  }
}

function unruled(trail: Trail): Trail {
  return { ...trail, isRuled: false };
}

const NOT_WRITTEN_OUT = "An object that is not described further here; the server checks it.";
