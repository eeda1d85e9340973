import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { isObject } from "../../src/validation/json-numbers.ts";
import { compile } from "./validators.ts";

/* Random JSON that a schema accepts: usual values, and of unusual ones those that the schema lets pass. */

const HOSTILE: readonly JsonValue[] = [
  ...[null, true, 0, -0, 1.5, 5e-324, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, 1e21, -1e300, 3.5e38],
  ...["", " ", "0", "-0", "00", "+1", "1.0", "1e3", " 1", "1 ", "0x10", "NaN", "Infinity", "-Infinity", "null", "true"],
  ...["9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"],
  ...["18446744073709551615", "18446744073709551616", "99999999999999999999999", "1_000", "１"],
  ...["=", "a===", "YQ", "YQ==", "YWI=", "YWJj", "Y Q==", "_-8=", "%", "YQ==YQ=="],
  ...["0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"],
  ...["2026-02-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01t00:00:00z", "2026-01-01"],
  ...["1000-01-01T00:00:00+23:59", "9899-12-31T23:59:59.999999999-23:59", "2026-01-01T24:00:00Z"],
  ...["1s", "-0.5s", "315576000000s", "315576000001s", "99999999999s", "1.0000000001s", ".5s", "1S", "1", "1 s", "-0s"],
  ...["a_b", "aB.cD", "a,b", ",", "*", "\u0000", "\ud83d\ude00", "__proto__", "constructor", "toString"],
  ...[[], [null], [[]], [1, "a", {}], { a: null }, {}, JSON.parse('{"__proto__": 1}')],
];

/** Any character that UTF-8 has. */
const CHARACTERS = fc
  .oneof(fc.integer({ min: 0, max: 0xff }), fc.integer({ min: 0, max: 0x10ffff - 0x800 }))
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

/** What descriptions of objects say whose content a schema does not. */
const UNDESCRIBED = "An object that is not described further here";
const ANY = 'A message with its type in "@type"';

/** Thrown for a schema that no value fits, or next to none. */
export class Unsatisfiable extends Error {
  override readonly name = "Unsatisfiable";
}

/** Keywords that exclude nothing that a value is drawn from. */
const WIDE = ["type", "description", "contentEncoding", "items", "additionalProperties", "propertyNames", "anyOf"];

/** Random values that a schema of ours accepts. Throws {@link Unsatisfiable}. */
export function valuesOf(schema: JsonObject): fc.Arbitrary<JsonValue> {
  if (schema.description?.toString().includes(UNDESCRIBED)) return fc.constant({});
  if (schema.description?.toString().includes(ANY)) {
    return fc.constant({ "@type": "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", numbers: [1] });
  }
  // What they hold is drawn by its own schema. To compile each level would cost more than all the rest.
  const isOpen = schema.type === "array" || isObject(schema.additionalProperties);
  const isCounted = ["uniqueItems", "minProperties", "propertyNames"].some((keyword) => keyword in schema);
  if ("properties" in schema || (isOpen && !isCounted)) return usualOf(schema);
  const accepts = compile(schema);
  const hostile = HOSTILE.filter((value) => accepts(value));
  // Conditions that exclude each other would be tried forever.
  const isNarrow = Object.keys(schema).some((keyword) => !WIDE.includes(keyword));
  if (isNarrow && !fc.sample(usualOf(schema), { numRuns: 20, seed: 1 }).some((value) => accepts(value))) {
    if (hostile.length === 0) throw new Unsatisfiable(JSON.stringify(schema));
    return fc.constantFrom(...hostile);
  }
  const usual = usualOf(schema).filter((value) => accepts(value));
  if (hostile.length === 0) return usual;
  return fc.oneof({ weight: 3, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...hostile) });
}

function usualOf(schema: JsonObject): fc.Arbitrary<JsonValue> {
  const { enum: values, anyOf } = schema;
  if (Array.isArray(values)) return fc.constantFrom(...values);
  if (Array.isArray(anyOf)) {
    const { anyOf: _, ...rest } = schema;
    return fc.oneof(...anyOf.filter(isObject).map((each) => usualOf({ ...rest, ...each })));
  }
  switch (schema.type) {
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "integer":
      return fc.integer({ min: Number(schema.minimum ?? 0), max: Number(schema.maximum ?? 99) });
    case "number":
      return numbersOf(schema);
    case "string":
      return textsOf(schema);
    case "array":
      return listsOf(schema);
    case "object":
      return objectsOf(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>;
  }
}

function numbersOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonObject): fc.Arbitrary<number> {
  const min = Number(minimum ?? exclusiveMinimum ?? -Number.MAX_VALUE);
  const max = Number(maximum ?? exclusiveMaximum ?? Number.MAX_VALUE);
  return fc.double({ min, max, noNaN: true });
}

const matchings = new Map<string, fc.Arbitrary<string>>();

/** Texts that match a pattern. They are slow to prepare. */
function matching(pattern: string): fc.Arbitrary<string> {
  let texts = matchings.get(pattern);
  if (texts === undefined) {
    texts = fc.stringMatching(new RegExp(pattern, "u"));
    matchings.set(pattern, texts);
  }
  return texts;
}

function textsOf({ pattern, allOf, minLength = 0, maxLength = 20 }: JsonObject): fc.Arbitrary<string> {
  if (typeof pattern === "string") {
    if (!Array.isArray(allOf)) return matching(pattern);
    const patterns = [{ pattern }, ...allOf].filter(isObject).map((each) => String(each.pattern ?? ""));
    // Those of a beginning come first, those of an end last.
    const place = (each: string): number => (each.startsWith("^") ? 0 : each.endsWith("$") ? 2 : 1);
    const parts = patterns
      .toSorted((one, other) => place(one) - place(other))
      .map((each) => textsOf({ pattern: each }));
    return fc.tuple(...parts).map((texts) => texts.join(""));
  }
  return fc.string({ minLength: Number(minLength), maxLength: Number(maxLength), unit: CHARACTERS });
}

function listsOf({ items, minItems = 0, maxItems }: JsonObject): fc.Arbitrary<JsonValue> {
  const least = Number(minItems);
  const most = Math.min(Number(maxItems ?? least + 3), least + 3);
  if (most < least) throw new Unsatisfiable("items");
  return fc.array(valuesOf(isObject(items) ? items : {}), { minLength: least, maxLength: most });
}

function objectsOf({ properties, required, additionalProperties, ...rest }: JsonObject): fc.Arbitrary<JsonValue> {
  if (isObject(properties) && additionalProperties === false) {
    const needed = Array.isArray(required) ? required : [];
    const members = Object.entries(properties).map(([name, member]) => {
      const values = valuesOf(member as JsonObject).map((value): [string, JsonValue][] => [[name, value]]);
      return needed.includes(name) ? values : fc.oneof(values, fc.constant([]), fc.constant([]));
    });
    return fc.tuple(...members).map((entries) => Object.fromEntries(entries.flat()));
  }
  const { propertyNames, minProperties = 0, maxProperties } = rest;
  const least = Number(minProperties);
  const most = Math.min(Number(maxProperties ?? least + 3), least + 3);
  if (most < least) throw new Unsatisfiable("properties");
  const keys = isObject(propertyNames) ? valuesOf(propertyNames) : fc.string({ unit: CHARACTERS, maxLength: 8 });
  const values = valuesOf(isObject(additionalProperties) ? additionalProperties : {});
  // A key may come twice, so that there may be too few: such values are passed over.
  return fc
    .array(fc.tuple(keys.map(String), values), { minLength: least, maxLength: most })
    .map((entries) => Object.fromEntries(entries));
}
