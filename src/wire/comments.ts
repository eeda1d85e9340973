import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { type Image, sourceInfo } from "./descriptors.ts";

/** A declaration in a `.proto` file that can have a comment. */
export type Declaration = DescMessage | DescField | DescEnum | DescEnumValue | DescMethod | DescService;

/** Field numbers in google/protobuf/descriptor.proto. The paths in a SourceCodeInfo consist of them. */
const FILE = { message: 4, enum: 5, service: 6 };
const MESSAGE = { field: 2, message: 3, enum: 4 };
const ENUM_VALUE = 2;
const SERVICE_METHOD = 2;

/**
 * The leading comment of a declaration, or else the trailing one, one line for each paragraph; empty if it has none.
 */
export function commentOf(image: Image, declaration: Declaration): string {
  const path = pathOf(declaration);
  const { location: locations } = sourceInfo(image.files.get(`${fileOf(declaration)}.proto`) ?? new Uint8Array());
  const location = locations.find(
    (candidate) => candidate.path.length === path.length && candidate.path.every((part, i) => part === path[i]),
  );
  return (location?.leadingComments || location?.trailingComments || "")
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim().replace(/\s*\n\s*/g, " "))
    .join("\n")
    .trim();
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
        ? [FILE.message, declaration.file.proto.messageType.indexOf(proto)]
        : [...pathOf(declaration.parent), MESSAGE.message, declaration.parent.proto.nestedType.indexOf(proto)];
    case "enum":
      return declaration.parent === undefined
        ? [FILE.enum, declaration.file.proto.enumType.indexOf(proto)]
        : [...pathOf(declaration.parent), MESSAGE.enum, declaration.parent.proto.enumType.indexOf(proto)];
    case "field":
      return [...pathOf(declaration.parent), MESSAGE.field, declaration.parent.proto.field.indexOf(proto)];
    case "enum_value":
      return [...pathOf(declaration.parent), ENUM_VALUE, declaration.parent.proto.value.indexOf(proto)];
    case "service":
      return [FILE.service, declaration.file.proto.service.indexOf(proto)];
    case "rpc":
      return [...pathOf(declaration.parent), SERVICE_METHOD, declaration.parent.proto.method.indexOf(proto)];
  }
}
