import { createRegistry, type DescFile, isFieldSet } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProto,
  type DescriptorProto_ExtensionRange,
  DescriptorProto_ExtensionRangeSchema,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  EnumValueDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  OneofDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { printFieldOptions, printFileOptions } from "./print-options.ts";
import { indent, onlyKnownFields, quoted } from "./printable.ts";

const MAX_FIELD_NUMBER = 536_870_911;

/** Prints one field, with the custom options that the file itself declares. */
type FieldPrinter = (field: FieldDescriptorProto, label: "with label" | "in a oneof") => string;

/**
 * Prints a proto2 file from its descriptor. Compiling the text gives the same descriptor, except for comments, which
 * runtime descriptors do not contain. Throws for every construct that it cannot print.
 */
export function printFile(file: DescFile): string {
  const proto: FileDescriptorProto = file.proto;
  onlyKnownFields(FileDescriptorProtoSchema, proto, [
    "name",
    "package",
    "dependency",
    "message_type",
    "enum_type",
    "extension",
    "options",
  ]);
  const extensions = createRegistry(file);
  const printField: FieldPrinter = (field, label) =>
    `${fieldHead(field, label)} = ${field.number}${printFieldOptions(field.options, extensions)};`;
  const blocks = [
    ['syntax = "proto2";'],
    [`package ${proto.package};`],
    proto.dependency.map((name) => `import ${quoted(name)};`),
    proto.options === undefined ? [] : printFileOptions(proto.options),
    ...printExtensions(proto.extension, printField),
    ...proto.messageType.map((message) => printMessage(message, printField)),
    ...proto.enumType.map(printEnum),
  ];
  return `${joinBlocks(blocks).join("\n")}\n`;
}

function printMessage(message: DescriptorProto, printField: FieldPrinter): string[] {
  onlyKnownFields(DescriptorProtoSchema, message, [
    "name",
    "field",
    "nested_type",
    "enum_type",
    "extension",
    "extension_range",
    "oneof_decl",
    "reserved_range",
    "reserved_name",
  ]);
  const fields: string[] = [];
  const openedOneofs = new Set<number>();
  for (const field of message.field) {
    if (!isInOneof(field)) {
      fields.push(printField(field, "with label"));
    } else if (!openedOneofs.has(field.oneofIndex)) {
      openedOneofs.add(field.oneofIndex);
      fields.push(...printOneof(message, field.oneofIndex, printField));
    }
  }
  const body = joinBlocks([
    fields,
    ...message.nestedType.map((nested) => printMessage(nested, printField)),
    ...message.enumType.map(printEnum),
    ...printExtensions(message.extension, printField),
    [
      ...message.extensionRange.map(printExtensionRange),
      ...printReserved(
        message.reservedRange.map(({ start, end }) => ({ first: start, last: end - 1 })),
        message.reservedName,
      ),
    ],
  ]);
  return [`message ${message.name} {`, ...indent(body), "}"];
}

/** Prints a oneof at the position of its first field. Throws if its fields are not consecutive. */
function printOneof(message: DescriptorProto, index: number, printField: FieldPrinter): string[] {
  const oneof = message.oneofDecl[index];
  if (oneof === undefined) throw new Error(`${message.name} has no oneof ${index}`);
  onlyKnownFields(OneofDescriptorProtoSchema, oneof, ["name"]);
  const isMember = (field: FieldDescriptorProto) => isInOneof(field) && field.oneofIndex === index;
  const first = message.field.findIndex(isMember);
  const members = message.field.filter(isMember);
  if (message.field.slice(first, first + members.length).some((field) => !isMember(field))) {
    throw new Error(`cannot print ${message.name}.${oneof.name}: other fields stand between its own`);
  }
  return [`oneof ${oneof.name} {`, ...indent(members.map((field) => printField(field, "in a oneof"))), "}"];
}

function isInOneof(field: FieldDescriptorProto): boolean {
  return isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex);
}

function fieldHead(field: FieldDescriptorProto, label: "with label" | "in a oneof"): string {
  onlyKnownFields(FieldDescriptorProtoSchema, field, [
    "name",
    "number",
    "label",
    "type",
    "type_name",
    "extendee",
    "oneof_index",
    "json_name",
    "options",
  ]);
  if (field.jsonName !== protoCamelCase(field.name) && field.extendee === "") {
    throw new Error(`cannot print ${field.name}: its JSON name is ${field.jsonName}`);
  }
  const named = field.type === FieldDescriptorProto_Type.MESSAGE || field.type === FieldDescriptorProto_Type.ENUM;
  if (field.type === FieldDescriptorProto_Type.GROUP) throw new Error(`cannot print ${field.name}: it is a group`);
  const type = named ? field.typeName : FieldDescriptorProto_Type[field.type].toLowerCase();
  const prefix = label === "in a oneof" ? "" : `${FieldDescriptorProto_Label[field.label].toLowerCase()} `;
  return `${prefix}${type} ${field.name}`;
}

/** Prints one `extend` block for each sequence of extensions of the same message, which preserves their order. */
function printExtensions(extensions: readonly FieldDescriptorProto[], printField: FieldPrinter): string[][] {
  const blocks: { extendee: string; fields: string[] }[] = [];
  for (const field of extensions) {
    if (blocks.at(-1)?.extendee !== field.extendee) blocks.push({ extendee: field.extendee, fields: [] });
    blocks.at(-1)?.fields.push(printField(field, "with label"));
  }
  return blocks.map(({ extendee, fields }) => [`extend ${extendee} {`, ...indent(fields), "}"]);
}

function printEnum(declaration: EnumDescriptorProto): string[] {
  onlyKnownFields(EnumDescriptorProtoSchema, declaration, ["name", "value", "reserved_range", "reserved_name"]);
  const values = declaration.value.map((value) => {
    onlyKnownFields(EnumValueDescriptorProtoSchema, value, ["name", "number"]);
    return `${value.name} = ${value.number};`;
  });
  const reserved = printReserved(
    declaration.reservedRange.map(({ start, end }) => ({ first: start, last: end })),
    declaration.reservedName,
  );
  return [`enum ${declaration.name} {`, ...indent([...values, ...reserved]), "}"];
}

function printExtensionRange(range: DescriptorProto_ExtensionRange): string {
  onlyKnownFields(DescriptorProto_ExtensionRangeSchema, range, ["start", "end"]);
  return `extensions ${printRange({ first: range.start, last: range.end - 1 })};`;
}

function printReserved(ranges: readonly { first: number; last: number }[], names: readonly string[]): string[] {
  return [
    ...(ranges.length > 0 ? [`reserved ${ranges.map(printRange).join(", ")};`] : []),
    ...(names.length > 0 ? [`reserved ${names.map(quoted).join(", ")};`] : []),
  ];
}

function printRange({ first, last }: { first: number; last: number }): string {
  if (first === last) return String(first);
  return `${first} to ${last === MAX_FIELD_NUMBER ? "max" : last}`;
}

/** Joins blocks of lines, separated by empty lines. Omits empty blocks. */
function joinBlocks(blocks: readonly (readonly string[])[]): string[] {
  const full = blocks.filter((block) => block.length > 0);
  return full.flatMap((block, index) => (index === 0 ? block : ["", ...block]));
}
