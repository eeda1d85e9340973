import {
  type DescField,
  type DescMessage,
  type DescOneof,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "../wire/type-name.ts";
import { isSpecial, LIST, namesOf, noField, OBJECT, SCALARS, sampleKey, shown, specialForm } from "./json-forms.ts";
import { isObject, numberProblem } from "./json-numbers.ts";
import { MAX_DEPTH } from "./strict.ts";

/** A part of the ProtoJSON of a message that parsers refuse, or would read otherwise than it was meant. */
export interface Misfit {
  /** The field, in the format of rule violations, such as `images[0].format` or `labels["a"]`; empty: the message. */
  readonly path: string;
  readonly problem: string;
  /** What is broken, such as "json.type". */
  readonly rule: MisfitRule;
  /** The field, list or map to leave out so that the rest can be read; `undefined` if nothing can be read. */
  readonly removable: Place | undefined;
}

/** The kinds of {@link Misfit}. */
export type MisfitRule =
  | "json.type"
  | "json.unknown_field"
  | "json.duplicate_field"
  | "json.exact_number"
  | "json.map_key"
  | "json.depth"
  | "oneof"
  | "required";

/** A field that is reached through messages alone. */
export interface Place {
  /** The names in the JSON, from the root. */
  readonly names: readonly string[];
  readonly path: string;
}

/**
 * Describes the fault in the ProtoJSON of a message that `fromJson` refused with `refusal`. The text begins with the
 * path of the field.
 */
export function describeMisfit(
  desc: DescMessage,
  json: JsonValue,
  { registry, refusal }: { readonly registry: Registry; readonly refusal: unknown },
): string {
  const [misfit] = new Search(registry, "jsonName").inMessage(desc, json, ROOT);
  if (misfit === undefined) return refusal instanceof Error ? refusal.message : String(refusal);
  return misfit.path === "" ? misfit.problem : `${misfit.path}: ${misfit.problem}`;
}

/** Finds every misfit in the ProtoJSON of a message, in its order. Fields have the names of the contract. */
export function findMisfits(desc: DescMessage, json: JsonValue, registry: Registry): Iterable<Misfit> {
  return new Search(registry, "name").inMessage(desc, json, ROOT);
}

/** Where a search is. */
interface Spot {
  readonly path: string;
  /** The names in the JSON, from the root. */
  readonly names: readonly string[];
  /** Set below a list, a map or an Any. */
  readonly container: Place | undefined;
  readonly depth: number;
}

const ROOT: Spot = { path: "", names: [], container: undefined, depth: 0 };

/** Finds the smallest parts that the parser refuses on their own. */
class Search {
  readonly #registry: Registry;
  readonly #names: "name" | "jsonName";

  /** `names`: how to name fields, by their name in the contract or, in paths, as the JSON does. */
  constructor(registry: Registry, names: "name" | "jsonName") {
    this.#registry = registry;
    this.#names = names;
  }

  *inMessage(desc: DescMessage, json: JsonValue, spot: Spot): Generator<Misfit> {
    if (spot.depth > MAX_DEPTH) return yield misfit(spot, "json.depth", `is nested deeper than ${MAX_DEPTH} messages`);
    if (isSpecial(desc)) return yield* this.#inSpecial(desc, json, spot);
    if (!isObject(json)) return yield misfit(spot, "json.type", `${shown(json)} is not ${OBJECT}`);
    const seen = new Map<DescField | DescOneof, string>();
    for (const [name, value] of Object.entries(json)) {
      const field = desc.fields.find((each) => each.jsonName === name || each.name === name);
      if (field === undefined) yield* this.#inUnknown(desc, { [name]: value }, spot);
      else
        yield* this.#inNamed(
          { desc, name, field, seen },
          value,
          below(spot, this.#names === "name" ? field.name : name, name),
        );
    }
    for (const field of desc.fields) {
      const isMissing = field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED && !seen.has(field);
      if (isMissing)
        yield { ...misfit(below(spot, field.name, field.name), "required", "is required"), removable: undefined };
    }
  }

  /** A name that is no field, or that of an extension. */
  *#inUnknown(desc: DescMessage, json: JsonObject, spot: Spot): Generator<Misfit> {
    const [name = ""] = Object.keys(json);
    const inside = below(spot, name, name);
    // The name is told by the message, because it is no field.
    const place = { ...misfit(inside, "json.unknown_field", noField(desc, name, this.#names)), path: spot.path };
    if (!name.startsWith("[")) yield place;
    else if (!this.#fits(desc, json)) yield { ...place, problem: `${shown(name)} is no extension that fits` };
  }

  *#inNamed({ desc, name, field, seen }: NamedField, value: JsonValue, spot: Spot): Generator<Misfit> {
    const other = seen.get(field);
    seen.set(field, name);
    if (other !== undefined) {
      return yield misfit(spot, "json.duplicate_field", `is given twice, as ${other} and as ${name}`);
    }
    // The parser passes over null for a scalar of a oneof, and counts it for other fields.
    const group = value === null && field.fieldKind === "scalar" ? undefined : field.oneof;
    if (group !== undefined) {
      const taken = seen.get(group);
      seen.set(group, field.name);
      if (taken !== undefined) return yield misfit(spot, "oneof", `only one of ${taken} and ${field.name} may be set`);
    }
    let isFound = false;
    for (const each of this.#inField({ desc, name, field }, value, spot)) {
      isFound = true;
      yield each;
    }
    if (!isFound && !this.#fits(desc, { [name]: value })) {
      yield misfit(spot, "json.type", `${shown(value)} does not fit`);
    }
  }

  *#inField({ desc, name, field }: FieldOf, value: JsonValue, spot: Spot): Generator<Misfit> {
    // Null is an unset field.
    if (value === null && this.#fits(desc, { [name]: null })) return;
    if (field.fieldKind === "list") {
      if (!Array.isArray(value)) return yield misfit(spot, "json.type", `${shown(value)} is not ${LIST}`);
      for (const [index, each] of value.entries()) {
        yield* this.#inOne({ desc, field, alone: { [name]: [each] } }, each, within(spot, String(index)));
      }
    } else if (field.fieldKind === "map") {
      if (!isObject(value)) return yield misfit(spot, "json.type", `${shown(value)} is not ${OBJECT}`);
      for (const [key, each] of Object.entries(value)) {
        yield* this.#inEntry({ desc, name, field }, key, each, spot);
      }
    } else yield* this.#inOne({ desc, field, alone: { [name]: value } }, value, spot);
  }

  *#inEntry({ desc, name, field }: FieldOf, key: string, value: JsonValue, spot: Spot): Generator<Misfit> {
    if (field.fieldKind !== "map") return;
    const type = field.mapKey;
    const entry = within(spot, JSON.stringify(key));
    const exact = numberProblem(type, key);
    if (type !== ScalarType.STRING && !this.#fitsKey({ desc, name, field }, key, value)) {
      yield { ...misfit(entry, "json.map_key", `the key ${shown(key)} is not ${SCALARS[type]}`), path: spot.path };
    } else if (exact !== undefined) yield misfit(entry, "json.map_key", exact);
    const alone = { [name]: { [type === ScalarType.STRING ? key : sampleKey(type)]: value } };
    yield* this.#inOne({ desc, field, alone }, value, entry);
  }

  /** True if a key fits, or if its value does not under any key. */
  #fitsKey({ desc, name, field }: FieldOf, key: string, value: JsonValue): boolean {
    if (field.fieldKind !== "map") return true;
    return (
      this.#fits(desc, { [name]: { [key]: value } }) ||
      !this.#fits(desc, { [name]: { [sampleKey(field.mapKey)]: value } })
    );
  }

  /** Searches one value of a field, alone in `alone`. */
  *#inOne({ desc, field, alone }: OneValue, value: JsonValue, spot: Spot): Generator<Misfit> {
    const { message, enum: values, scalar } = field;
    if (message !== undefined) return yield* this.inMessage(message, value, { ...spot, depth: spot.depth + 1 });
    if (this.#fits(desc, alone)) {
      const exact = scalar === undefined ? undefined : numberProblem(scalar, value);
      if (exact !== undefined) yield misfit(spot, "json.exact_number", exact);
    } else if (values !== undefined) yield misfit(spot, "json.type", `${shown(value)} is none of ${namesOf(values)}`);
    else if (scalar !== undefined) yield misfit(spot, "json.type", notScalar(scalar, value));
  }

  *#inSpecial(desc: DescMessage, json: JsonValue, spot: Spot): Generator<Misfit> {
    const exact = isWrapperDesc(desc) ? numberProblem(desc.fields[0].scalar, json) : undefined;
    if (exact !== undefined) return yield misfit(spot, "json.exact_number", exact);
    if (desc.typeName === "google.protobuf.Any" && isObject(json)) {
      const { "@type": url, ...rest } = json;
      const inner = typeof url === "string" ? this.#registry.getMessage(typeNameOf(url)) : undefined;
      if (inner !== undefined) {
        const inside = { ...spot, container: spot.container ?? placeOf(spot), depth: spot.depth + 1 };
        const content = inner.typeName.startsWith("google.protobuf.") ? (rest.value ?? null) : rest;
        return yield* this.inMessage(inner, content, inside);
      }
    }
    const form = specialForm(desc);
    if (form !== undefined && !this.#fitsMessage(desc, json))
      yield misfit(spot, "json.type", `${shown(json)} is not ${form}`);
  }

  #fits(desc: DescMessage, json: JsonObject): boolean {
    return this.#fitsMessage(desc, json);
  }

  #fitsMessage(desc: DescMessage, json: JsonValue): boolean {
    try {
      fromJson(desc, json, { registry: this.#registry });
      return true;
    } catch {
      return false;
    }
  }
}

interface FieldOf {
  readonly desc: DescMessage;
  /** The name in the JSON. */
  readonly name: string;
  readonly field: DescField;
}

interface NamedField extends FieldOf {
  /** The fields and oneofs that came before, and under which name. */
  readonly seen: Map<DescField | DescOneof, string>;
}

interface OneValue {
  readonly desc: DescMessage;
  readonly field: DescField;
  /** A message that has this value only. */
  readonly alone: JsonObject;
}

function below({ path, names, container, depth }: Spot, field: string, name: string): Spot {
  return { path: path === "" ? field : `${path}.${field}`, names: [...names, name], container, depth };
}

/** An item of a list or an entry of a map. */
function within(spot: Spot, index: string): Spot {
  return { ...spot, path: `${spot.path}[${index}]`, container: spot.container ?? placeOf(spot) };
}

function placeOf({ names, path }: Spot): Place {
  return { names, path };
}

function misfit(spot: Spot, rule: MisfitRule, problem: string): Misfit {
  const place = spot.container ?? placeOf(spot);
  return { path: spot.path, problem, rule, removable: place.names.length === 0 ? undefined : place };
}

function notScalar(scalar: ScalarType, value: JsonValue): string {
  if (scalar === ScalarType.STRING && typeof value === "string")
    return "the text has half a character, which UTF-8 cannot represent";
  return `${shown(value)} is not ${SCALARS[scalar]}`;
}
