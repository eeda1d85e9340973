import { Buffer } from "node:buffer";
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Any, anyUnpack, type Value } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "../wire/type-name.ts";
import { isObject } from "./json-numbers.ts";

/**
 * Writes a message as ProtoJSON. Values without a ProtoJSON form are written in a similar form: a number of a Value
 * that is not finite as text, a Timestamp or Duration out of range as its fields, an Any of an unknown type as its
 * bytes in base64. Never throws.
 */
export function toLenientJson(desc: DescMessage, message: Message, registry: Registry): JsonValue {
  return new LenientWriter(registry).message(reflect(desc, message));
}

/** The bytes of a message of an unknown type, in the form of an Any. */
export function opaqueJson({ typeUrl, value }: { readonly typeUrl: string; readonly value: Uint8Array }): JsonObject {
  return { "@type": typeUrl, value: Buffer.from(value).toString("base64") };
}

/** The ProtoJSON of an Any, from the ProtoJSON of its message. */
export function anyJson({ typeUrl }: { readonly typeUrl: string }, json: JsonValue): JsonObject {
  const isSpecial = typeNameOf(typeUrl).startsWith("google.protobuf.");
  return isObject(json) && !isSpecial ? { "@type": typeUrl, ...json } : { "@type": typeUrl, value: json };
}

class LenientWriter {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  message(message: ReflectMessage): JsonValue {
    try {
      return toJson(message.desc, message.message, { registry: this.#registry });
    } catch {
      return this.#parts(message);
    }
  }

  #parts(message: ReflectMessage): JsonValue {
    switch (message.desc.typeName) {
      case "google.protobuf.Any":
        return this.#any(message);
      case "google.protobuf.Struct":
      case "google.protobuf.ListValue":
        return this.#field(message, message.fields[0] as DescField);
      case "google.protobuf.Value":
        return this.#value(message);
      default:
        return Object.fromEntries(
          message.fields
            .filter((field) => message.isSet(field))
            .map((field) => [field.jsonName, this.#field(message, field)]),
        );
    }
  }

  #field(message: ReflectMessage, field: DescField): JsonValue {
    if (field.fieldKind === "message") return this.message(message.get(field));
    if (field.fieldKind === "list" && field.listKind === "message")
      return [...message.get(field)].map((each) => this.message(each as ReflectMessage));
    if (field.fieldKind === "map" && field.mapKind === "message")
      return Object.fromEntries(
        [...message.get(field)].map(([key, each]) => [String(key), this.message(each as ReflectMessage)]),
      );
    if (message.desc.typeName.startsWith("google.protobuf.")) return plain(message.get(field));
    // Every scalar has a ProtoJSON form. A message with this field only yields it.
    const alone = reflect(message.desc);
    alone.set(field, message.get(field));
    const json = toJson(message.desc, alone.message) as JsonObject;
    return json[field.jsonName] ?? null;
  }

  #any(message: ReflectMessage): JsonValue {
    const any = message.message as Any;
    try {
      const content = anyUnpack(any, this.#registry);
      const desc = content && this.#registry.getMessage(content.$typeName);
      if (content === undefined || desc === undefined) return opaqueJson(any);
      return anyJson(any, toLenientJson(desc, content, this.#registry));
    } catch {
      return opaqueJson(any);
    }
  }

  #value(message: ReflectMessage): JsonValue {
    const { kind } = message.message as Value;
    if (kind.case === undefined || kind.case === "nullValue") return null;
    if (kind.case === "numberValue") return Number.isFinite(kind.value) ? kind.value : String(kind.value);
    const field = message.fields.find(({ localName }) => localName === kind.case);
    return field === undefined ? null : this.#field(message, field);
  }
}

/** A scalar field of a message with a special JSON form, such as the seconds of a Duration. */
function plain(value: unknown): JsonValue {
  return typeof value === "bigint" ? String(value) : (value as JsonValue);
}
