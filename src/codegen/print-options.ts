import {
  type DescExtension,
  type DescField,
  getExtension,
  type Message,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type FieldOptions, FieldOptionsSchema, type FileOptions, FileOptionsSchema } from "@bufbuild/protobuf/wkt";
import { onlyKnownFields, quoted } from "./printable.ts";

const FILE_OPTIONS = ["java_package", "java_outer_classname", "java_multiple_files", "go_package"];

/** Prints the `option …;` lines of a file. Throws for an unknown option. */
export function printFileOptions(options: FileOptions): string[] {
  onlyKnownFields(FileOptionsSchema, options, FILE_OPTIONS);
  const reflected = reflect(FileOptionsSchema, options);
  return FileOptionsSchema.fields
    .filter((field) => reflected.isSet(field))
    .map((field) => `option ${field.name} = ${printScalar(field, reflected.get(field))};`);
}

/**
 * Prints the `[…]` after a field, or nothing. `extensions` must contain every custom option in use. Throws for built-in
 * options.
 */
export function printFieldOptions(options: FieldOptions | undefined, extensions: Registry): string {
  if (options === undefined) return "";
  onlyKnownFields(FieldOptionsSchema, options, [], { extensions: true });
  const numbers = [...new Set((options.$unknown ?? []).map(({ no }) => no))].sort((a, b) => a - b);
  const printed = numbers.map((number) => {
    const extension = extensions.getExtensionFor(FieldOptionsSchema, number);
    if (extension === undefined) throw new Error(`cannot print the field option ${number}: no extension describes it`);
    return `(.${extension.typeName}) = ${printExtension(extension, options)}`;
  });
  return printed.length === 0 ? "" : ` [${printed.join(", ")}]`;
}

function printExtension(extension: DescExtension, options: FieldOptions): string {
  if (extension.fieldKind !== "message") throw new Error(`cannot print ${extension.typeName}: it is no message`);
  return printMessage(reflect(extension.message, getExtension(options, extension) as Message));
}

/** Prints a message in text format, on one line. */
function printMessage(message: ReflectMessage): string {
  onlyKnownFields(
    message.desc,
    message.message,
    message.desc.fields.map((field) => field.name),
  );
  const parts = message.fields
    .filter((field) => message.isSet(field))
    .map((field) => {
      if (field.fieldKind === "scalar") return `${field.name}: ${printScalar(field, message.get(field))}`;
      if (field.fieldKind === "message") return `${field.name}: ${printMessage(message.get(field))}`;
      if (field.fieldKind === "list" && field.listKind === "message") {
        const items = [...message.get(field)].map((item) => printMessage(item as ReflectMessage));
        return `${field.name}: [${items.join(", ")}]`;
      }
      throw new Error(`cannot print ${message.desc.typeName}.${field.name}: ${field.fieldKind} is not known`);
    });
  return `{${parts.join(", ")}}`;
}

function printScalar(field: DescField, value: unknown): string {
  if (field.scalar === ScalarType.STRING) return quoted(String(value));
  if (field.scalar === ScalarType.BOOL) return String(value);
  throw new Error(`cannot print ${field.parent.typeName}.${field.name}: its type is not known`);
}
