import {
  create,
  type DescExtension,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  ScalarType,
  setExtension,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
  OneofOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { builtinDescriptorSet, builtinImage, type Image, readImage } from "../../src/wire/descriptors.ts";

/* Message types under random rules, and random encodings of them: values are few, so that rules are kept and broken alike. */

const PACKAGE = "sealwire.test.v1";
const REPEATED = 3;
const OPTIONAL = 1;
const MESSAGE_TYPE = 11;
const ENUM_TYPE = 14;

type Kind = "DOUBLE" | "FLOAT" | "INT32" | "INT64" | "UINT32" | "UINT64" | "SINT32" | "SINT64" | Fixed | Other;
type Fixed = "FIXED32" | "FIXED64" | "SFIXED32" | "SFIXED64";
type Other = "BOOL" | "STRING" | "BYTES" | "ENUM";

const INTEGERS: readonly Kind[] = ["INT32", "INT64", "UINT32", "UINT64", "SINT32", "SINT64"];
const FIXED: readonly Kind[] = ["FIXED32", "FIXED64", "SFIXED32", "SFIXED64"];
const KINDS: readonly Kind[] = [
  "DOUBLE",
  "FLOAT",
  ...INTEGERS,
  ...FIXED,
  "BOOL",
  "STRING",
  "STRING",
  "STRING",
  "BYTES",
  "ENUM",
];
const KEYS: readonly Kind[] = ["STRING", "INT32", "UINT64", "SINT32", "BOOL", "FIXED32", "SFIXED64"];

const TEXTS = ["", "a", "ab", "äb", "abc", "\u{1f600}b", "\ufeffa", "b@c.de", "__proto__"];
const NUMBERS = [0, 1, 2, 3, 7];
const FLOATS = [0, -0, 1, 2.5, -3, Number.NaN, Number.POSITIVE_INFINITY];

const some = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Some of these rules, most often one. */
const someOf = (rules: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<JsonObject> =>
  fc
    .subarray(Object.keys(rules), { minLength: 1, maxLength: 2 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, rules[name] as fc.Arbitrary<unknown>]))))
    .map((record) => record as JsonObject);

function numeric(numbers: fc.Arbitrary<unknown>, more: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}) {
  const bound = (names: readonly string[]) => fc.tuple(some(names), numbers);
  const range = fc
    .tuple(fc.option(bound(["gt", "gte"])), fc.option(bound(["lt", "lte"])))
    .map((pair) => Object.fromEntries(pair.filter((each) => each !== null)) as JsonObject);
  const list = fc.array(numbers, { minLength: 1, maxLength: 3 });
  return fc.oneof(range, range, someOf({ const: numbers, in: list, notIn: list, ...more }));
}

const texts = some(TEXTS);
const lengths = some(["0", "1", "2", "3"]);

/** Rules of a type, as JSON. */
function rulesOf(kind: Kind): fc.Arbitrary<JsonObject> {
  switch (kind) {
    case "DOUBLE":
    case "FLOAT":
      return numeric(some([0, 1, 2.5, -3, "NaN"]), { finite: fc.boolean() });
    case "BOOL":
      return fc.record({ const: fc.boolean() });
    case "ENUM":
      return someOf({
        definedOnly: fc.boolean(),
        const: some(NUMBERS),
        in: fc.array(some(NUMBERS)),
        notIn: fc.array(some(NUMBERS)),
      });
    case "STRING":
      return someOf({
        ...{ len: lengths, minLen: lengths, maxLen: lengths, lenBytes: lengths, minBytes: lengths, maxBytes: lengths },
        ...{ const: texts, prefix: texts, suffix: texts, contains: texts, notContains: some(["b", "ä"]) },
        ...{ in: fc.array(texts, { maxLength: 3 }), notIn: fc.array(texts, { maxLength: 3 }) },
        ...{ pattern: some(["^a", "b$"]), email: fc.boolean() },
      });
    case "BYTES":
      return someOf({ len: lengths, minLen: lengths, maxLen: lengths, prefix: some(["YQ=="]) });
    default:
      return numeric(some(NUMBERS));
  }
}

/** A rule that only CEL can judge. */
const NEVER = { id: "never", expression: "this != this" };

const ignoring = fc.oneof(
  { arbitrary: fc.constant("IGNORE_UNSPECIFIED"), weight: 6 },
  { arbitrary: fc.constant("IGNORE_IF_ZERO_VALUE"), weight: 2 },
  { arbitrary: fc.constant("IGNORE_ALWAYS"), weight: 1 },
);

function itemRules(kind: Kind | undefined): fc.Arbitrary<JsonObject> {
  const typed =
    kind === undefined ? fc.constant({}) : fc.oneof(fc.constant({}), byType(kind), byType(kind), byType(kind));
  const rare = fc.oneof(
    { arbitrary: fc.constant({}), weight: 20 },
    { arbitrary: fc.constant({ cel: [NEVER] }), weight: 1 },
  );
  return fc
    .tuple(typed, fc.option(ignoring), rare)
    .map(([rules, ignore, more]) => ({ ...rules, ...(ignore && { ignore }), ...more }) as JsonObject);
}

function byType(kind: Kind): fc.Arbitrary<JsonObject> {
  return rulesOf(kind).map((rules) => ({ [kind.toLowerCase()]: rules }));
}

type Shape = "singular" | "optional" | "oneof" | "list" | "map";

interface FieldDraft {
  readonly shape: Shape;
  /** `undefined`: a message. */
  readonly kind: Kind | undefined;
  readonly key: Kind;
  readonly rules: JsonObject;
}

function fieldRules({ shape, kind, key }: Omit<FieldDraft, "rules">): fc.Arbitrary<JsonObject> {
  const counts = some(["0", "1", "2"]);
  const items = itemRules(kind);
  const list = someOf({
    minItems: counts,
    maxItems: counts,
    items,
    ...(kind && kind !== "BYTES" && { unique: fc.boolean() }),
  });
  const map = someOf({ minPairs: counts, maxPairs: counts, keys: itemRules(key), values: items });
  const own = shape === "list" ? fc.record({ repeated: list }) : shape === "map" ? fc.record({ map }) : itemRules(kind);
  const rare = fc.oneof(
    { arbitrary: fc.constant({}), weight: 12 },
    { arbitrary: fc.constant({ required: true }), weight: 3 },
    { arbitrary: fc.record({ ignore: ignoring }), weight: 2 },
    { arbitrary: fc.constant({ cel: [NEVER] }), weight: 1 },
  );
  return fc.tuple(fc.oneof(fc.constant({}), own, own, own), rare).map(([a, b]) => ({ ...a, ...b }) as JsonObject);
}

const fieldDraft: fc.Arbitrary<FieldDraft> = fc
  .record({
    shape: some<Shape>(["singular", "optional", "oneof", "list", "map"]),
    kind: fc.oneof({ arbitrary: some(KINDS), weight: 5 }, { arbitrary: fc.constant(undefined), weight: 1 }),
    key: some(KEYS),
  })
  .chain((draft) => fieldRules(draft).map((rules) => ({ ...draft, rules })));

const typeDraft = fc.record({
  fields: fc.array(fieldDraft, { minLength: 1, maxLength: 6 }),
  /** Which other type its messages are of, so many before it; 0: its own. */
  back: fc.nat({ max: 3 }),
  oneofRequired: fc.boolean(),
  messageRule: fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 20 },
    { arbitrary: some(["this.f1 == this.f1", "this.f1 != this.f1"]), weight: 1 },
  ),
});

/** Arbitrary sets of types in one image. */
export function randomTypes(
  count: number,
  seed: number,
): { readonly image: Image; readonly types: readonly DescMessage[] } {
  const drafts = fc.sample(typeDraft, { numRuns: count, seed });
  const messageType = drafts.map((draft, index) => describeType(draft, index));
  const file = create(FileDescriptorProtoSchema, {
    name: "sealwire/test/v1/random.proto",
    package: PACKAGE,
    syntax: "proto3",
    dependency: ["buf/validate/validate.proto"],
    enumType: [{ name: "Color", value: [0, 1, 2].map((number) => ({ name: `COLOR_${number}`, number })) }],
    messageType,
  });
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
  const image = readImage(builtinDescriptorSet(), set);
  const types = drafts.map((_, index) => image.registry.getMessage(`${PACKAGE}.T${index}`) as DescMessage);
  return { image, types };
}

type TypeDraft = typeof typeDraft extends fc.Arbitrary<infer T> ? T : never;

function describeType({ fields, back, oneofRequired, messageRule }: TypeDraft, index: number): DescriptorProto {
  const other = `.${PACKAGE}.T${Math.max(0, index - back)}`;
  const optionals = fields.flatMap(({ shape }, at) => (shape === "optional" ? [`_f${at + 1}`] : []));
  const options = create(OneofOptionsSchema);
  const hasOneof = fields.some(({ shape }) => shape === "oneof");
  if (oneofRequired) setRule(options, "buf.validate.oneof", { required: true });
  const owners = [...(hasOneof ? [{ name: "choice", options }] : []), ...optionals.map((name) => ({ name }))];
  const type = create(DescriptorProtoSchema, {
    name: `T${index}`,
    field: fields.map((draft, at) =>
      describeField(draft, at + 1, { own: `.${PACKAGE}.T${index}`, other, owners: owners.map(({ name }) => name) }),
    ),
    oneofDecl: owners,
    nestedType: fields.flatMap((draft, at) => (draft.shape === "map" ? [describeEntry(draft, at + 1, other)] : [])),
  });
  if (messageRule !== undefined) {
    type.options = create(MessageOptionsSchema);
    setRule(type.options, "buf.validate.message", { cel: [{ id: "whole", expression: messageRule }] });
  }
  return type;
}

interface Surroundings {
  readonly own: string;
  readonly other: string;
  readonly owners: readonly string[];
}

function describeField(
  { shape, kind, rules }: FieldDraft,
  number: number,
  { own, other, owners }: Surroundings,
): FieldDescriptorProto {
  const options = create(FieldOptionsSchema);
  if (Object.keys(rules).length > 0) setRule(options, "buf.validate.field", rules);
  const owner = owners.indexOf(shape === "optional" ? `_f${number}` : "choice");
  const isEntry = shape === "map";
  return create(FieldDescriptorProtoSchema, {
    name: `f${number}`,
    number,
    ...(isEntry ? { type: MESSAGE_TYPE, typeName: `${own}.F${number}Entry` } : typeOf(kind, other)),
    label: shape === "list" || isEntry ? REPEATED : OPTIONAL,
    ...(shape === "optional" && { proto3Optional: true }),
    ...((shape === "optional" || shape === "oneof") && { oneofIndex: owner }),
    options,
  });
}

function describeEntry({ kind, key }: FieldDraft, number: number, other: string): DescriptorProto {
  return create(DescriptorProtoSchema, {
    name: `F${number}Entry`,
    options: { mapEntry: true },
    field: [
      { name: "key", number: 1, label: OPTIONAL, ...typeOf(key, other) },
      { name: "value", number: 2, label: OPTIONAL, ...typeOf(kind, other) },
    ],
  });
}

function typeOf(kind: Kind | undefined, other: string): { readonly type: number; readonly typeName?: string } {
  if (kind === undefined) return { type: MESSAGE_TYPE, typeName: other };
  return kind === "ENUM" ? { type: ENUM_TYPE, typeName: `.${PACKAGE}.Color` } : { type: ScalarType[kind] };
}

function setRule(options: Parameters<typeof setExtension>[0], name: string, rules: JsonObject): void {
  const extension = builtinImage().registry.getExtension(name) as DescExtension & { readonly message: DescMessage };
  setExtension(options, extension, fromJson(extension.message, rules) as never);
}

/** Arbitrary encodings of a message, of which nearly all are strict. */
export function randomBytes(desc: DescMessage, depth = 0): fc.Arbitrary<Uint8Array> {
  return fc.tuple(...desc.fields.map((field) => fieldBytes(field, depth))).map((parts) => Buffer.concat(parts));
}

function fieldBytes(field: DescField, depth: number): fc.Arbitrary<Uint8Array> {
  const { number } = field;
  const one = valueBytes(field, depth);
  switch (field.fieldKind) {
    case "list": {
      const values = fc.array(one, { maxLength: 4 });
      const single = values.map((all) => join(all.map((bytes) => tagged(number, field.message, field.scalar, bytes))));
      const isPackable =
        field.message === undefined && field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES;
      const packed = values.map((all) => lengthDelimited(number, join(all)));
      return isPackable ? fc.oneof(single, packed) : single;
    }
    case "map": {
      const key = fc
        .option(scalarBytes(field.mapKey))
        .map((bytes) => bytes && tagged(1, undefined, field.mapKey, bytes));
      const value = fc.option(one).map((bytes) => bytes && tagged(2, field.message, field.scalar, bytes));
      const entry = fc.tuple(key, value).map((parts) => join(parts.filter((part) => part !== null)));
      return fc.array(entry, { maxLength: 3 }).map((all) => join(all.map((bytes) => lengthDelimited(number, bytes))));
    }
    default:
      return fc
        .option(one)
        .map((bytes) => (bytes === null ? new Uint8Array() : tagged(number, field.message, field.scalar, bytes)));
  }
}

function valueBytes(field: DescField, depth: number): fc.Arbitrary<Uint8Array> {
  if (field.message === undefined) return scalarBytes(field.scalar);
  return depth >= 2
    ? fc.constant(new Uint8Array())
    : fc.oneof(fc.constant(new Uint8Array()), randomBytes(field.message, depth + 1));
}

/** One value without tag and length. `undefined`: an enum. */
function scalarBytes(scalar: ScalarType | undefined): fc.Arbitrary<Uint8Array> {
  const written = <T>(values: readonly T[], write: (writer: BinaryWriter, value: T) => void) =>
    some(values).map((value) => {
      const writer = new BinaryWriter();
      write(writer, value);
      return writer.finish();
    });
  switch (scalar) {
    case ScalarType.STRING:
      return texts.map((text) => Buffer.from(text));
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 4 });
    case ScalarType.DOUBLE:
      return written(FLOATS, (writer, value) => writer.double(value));
    case ScalarType.FLOAT:
      return written(FLOATS, (writer, value) => writer.float(value));
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return written([...NUMBERS, 0xffffffff], (writer, value) => writer.fixed32(value));
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return written([0n, 1n, 3n, 7n, 0xffffffffffffffffn], (writer, value) => writer.fixed64(value));
    default:
      // Whatever the type, decoders take any 64 bits and cut them.
      return written([0n, 1n, 2n, 3n, 4n, 6n, 7n, 0x1_0000_0000n, 0xffffffffffffffffn], (writer, value) =>
        writer.uint64(value),
      );
  }
}

function tagged(number: number, message: unknown, scalar: ScalarType | undefined, bytes: Uint8Array): Uint8Array {
  if (message !== undefined || scalar === ScalarType.STRING || scalar === ScalarType.BYTES)
    return lengthDelimited(number, bytes);
  return new BinaryWriter().tag(number, wireType(scalar)).raw(bytes).finish();
}

function wireType(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

function lengthDelimited(number: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
