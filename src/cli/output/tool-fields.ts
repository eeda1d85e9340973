import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { rulePhrases, rulesOf } from "../../schema/field-rules.ts";
import { commentOf } from "../../wire/comments.ts";
import type { Image } from "../../wire/descriptors.ts";

/** Description of a message field or an enum value. */
export interface FieldText {
  /** Name in JSON. */
  readonly name: string;
  /** For example "list of double"; empty for an enum value. */
  readonly type: string;
  /** For example "1 to 20". */
  readonly rules: readonly string[];
  /** Comment in the `.proto` file, one line per paragraph. */
  readonly comment: string;
}

/** Description of a message or an enum. */
export interface TypeText {
  readonly typeName: string;
  readonly comment: string;
  readonly fields: readonly FieldText[];
}

/** The JSON form of messages with a special JSON mapping. */
const SPECIAL: Readonly<Record<string, string>> = {
  Any: 'any message, its type in "@type"',
  BoolValue: "bool or null",
  BytesValue: "bytes in base64, or null",
  DoubleValue: "double or null",
  Duration: 'time span such as "1.5s"',
  Empty: "{}",
  FieldMask: 'names of fields such as "a,b"',
  FloatValue: "float or null",
  Int32Value: "int32 or null",
  Int64Value: "int64 or null",
  ListValue: "any list",
  StringValue: "string or null",
  Struct: "any object",
  Timestamp: 'UTC time such as "2026-11-22T12:00:00Z"',
  UInt32Value: "uint32 or null",
  UInt64Value: "uint64 or null",
  Value: "any JSON",
};
const SPECIAL_PACKAGE = "google.protobuf.";

/** True for messages with a special JSON mapping, such as Timestamp and Struct. */
export function isSpecial({ typeName }: DescMessage): boolean {
  return typeName.startsWith(SPECIAL_PACKAGE) && typeName.slice(SPECIAL_PACKAGE.length) in SPECIAL;
}

/**
 * Describes a message and the messages and enums that it uses, except for Google's, each once and in order of first
 * use.
 */
export function describeTypes(image: Image, root: DescMessage): TypeText[] {
  const seen = new Set<DescMessage | DescEnum>([root]);
  // The iteration of a Set includes types that are added during the loop.
  for (const type of seen) {
    if (type.kind === "enum") continue;
    for (const { message, enum: values } of type.fields) {
      const used = message ?? values;
      if (used !== undefined && !used.typeName.startsWith("google.")) seen.add(used);
    }
  }
  return [...seen].map((type) => ({
    typeName: type.typeName,
    comment: commentOf(image, type),
    fields:
      type.kind === "enum"
        ? type.values.map((value) => ({ name: value.name, type: "", rules: [], comment: commentOf(image, value) }))
        : type.fields.map((field) => describeField(image, field)),
  }));
}

function describeField(image: Image, field: DescField): FieldText {
  const siblings = field.oneof?.fields.filter((other) => other !== field).map(({ jsonName }) => jsonName) ?? [];
  return {
    name: field.jsonName,
    type: typeText(field),
    rules: [...rulePhrases(rulesOf(field)), ...(siblings.length > 0 ? [`not beside ${siblings.join(", ")}`] : [])],
    comment: commentOf(image, field),
  };
}

function typeText(field: DescField): string {
  switch (field.fieldKind) {
    case "list":
      return `list of ${elementText(field)}`;
    case "map":
      return `map of ${scalarText(field.mapKey)} to ${elementText(field)}`;
    default:
      return elementText(field);
  }
}

/** The type of a field, or of the items of its list or map. */
function elementText({ scalar, message, enum: values }: DescField): string {
  if (scalar !== undefined) return scalarText(scalar);
  if (message !== undefined && isSpecial(message)) return SPECIAL[message.name] ?? message.name;
  return message?.name ?? values?.name ?? "";
}

function scalarText(scalar: ScalarType): string {
  return scalar === ScalarType.BYTES ? "bytes in base64" : ScalarType[scalar].toLowerCase();
}
