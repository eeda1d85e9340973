import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

/**
 * Throws unless every field that is set in `message` is among `known` (proto names), so that a printer never omits a
 * field silently. Fields without a descriptor count as unknown unless `extensions` is true.
 */
export function onlyKnownFields(
  schema: DescMessage,
  message: Message,
  known: readonly string[],
  { extensions = false }: { extensions?: boolean } = {},
): void {
  const reflected = reflect(schema, message);
  for (const field of schema.fields) {
    if (reflected.isSet(field) && !known.includes(field.name)) {
      throw new Error(`cannot print ${schema.typeName}.${field.name}: teach src/codegen/print-file.ts this field`);
    }
  }
  if (!extensions && message.$unknown !== undefined && message.$unknown.length > 0) {
    throw new Error(`cannot print ${schema.typeName}: it has fields without a descriptor`);
  }
}

/** Indents every non-empty line by one level. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}

/** Formats a string literal of the proto language. */
export function quoted(text: string): string {
  const escapes: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that a literal must not contain
  const escaped = text.replaceAll(/[\\"\u0000-\u001f\u007f]/g, (character) => {
    const known = escapes[character];
    return known ?? `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}
