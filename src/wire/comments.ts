import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { type Image, sourceInfo } from "./descriptors.ts";

/** A declaration in a `.proto` file that can have a comment. */
export type Declaration = DescMessage | DescField | DescEnum | DescEnumValue | DescMethod | DescService;

/** Field numbers of a FileDescriptorProto. The paths in a SourceCodeInfo consist of such numbers. */
export const FILE_FIELDS = { message: 4, enum: 5, service: 6 };
/** Field numbers of a DescriptorProto. */
export const MESSAGE_FIELDS = { field: 2, message: 3, enum: 4 };
/** Field number of the values of an EnumDescriptorProto. */
export const ENUM_VALUE = 2;
const SERVICE_METHOD = 2;

const commentsOfFiles = new WeakMap<Uint8Array, ReadonlyMap<string, string>>();

/**
 * The leading comment of a declaration, or else the trailing one, one line for each paragraph; empty if it has none.
 */
export function commentOf(image: Image, declaration: Declaration): string {
  const file = image.files.get(`${fileOf(declaration)}.proto`);
  return file === undefined ? "" : commentAt(file, pathOf(declaration));
}

/** The comment of a declaration by its path in a file of {@link Image.files}; see {@link commentOf}. */
export function commentAt(file: Uint8Array, path: readonly number[]): string {
  let comments = commentsOfFiles.get(file);
  if (comments === undefined) {
    comments = readComments(file);
    commentsOfFiles.set(file, comments);
  }
  return comments.get(path.join()) ?? "";
}

function readComments(file: Uint8Array): Map<string, string> {
  const comments = new Map<string, string>();
  for (const { path, leadingComments, trailingComments } of sourceInfo(file).location) {
    const comment = toParagraphs(leadingComments || trailingComments);
    const key = path.join();
    if (comment !== "" && !comments.has(key)) comments.set(key, comment);
  }
  return comments;
}

/** Joins the lines of each paragraph by a space. Only ASCII blanks count, so that every language finds the same text. */
function toParagraphs(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, ""))
    .join("\n")
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replace(/^\n|\n$/g, "").replaceAll("\n", " "))
    .filter((paragraph) => paragraph !== "")
    .join("\n");
}

function fileOf(declaration: Declaration): string {
  return "file" in declaration ? declaration.file.name : declaration.parent.file.name;
}

/**
 * The SourceCodeInfo path of a declaration. Indices are those of the descriptor file, because `nestedMessages` omits
 * map entries.
 */
function pathOf(declaration: Declaration): number[] {
  const { kind, proto } = declaration;
  switch (kind) {
    case "message":
      return declaration.parent === undefined
        ? [FILE_FIELDS.message, declaration.file.proto.messageType.indexOf(proto)]
        : [...pathOf(declaration.parent), MESSAGE_FIELDS.message, declaration.parent.proto.nestedType.indexOf(proto)];
    case "enum":
      return declaration.parent === undefined
        ? [FILE_FIELDS.enum, declaration.file.proto.enumType.indexOf(proto)]
        : [...pathOf(declaration.parent), MESSAGE_FIELDS.enum, declaration.parent.proto.enumType.indexOf(proto)];
    case "field":
      return [...pathOf(declaration.parent), MESSAGE_FIELDS.field, declaration.parent.proto.field.indexOf(proto)];
    case "enum_value":
      return [...pathOf(declaration.parent), ENUM_VALUE, declaration.parent.proto.value.indexOf(proto)];
    case "service":
      return [FILE_FIELDS.service, declaration.file.proto.service.indexOf(proto)];
    case "rpc":
      return [...pathOf(declaration.parent), SERVICE_METHOD, declaration.parent.proto.method.indexOf(proto)];
  }
}
