import { type DescMessage, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { DescriptorProtoSchema, EnumDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ToolDefinition } from "../../tools/definition.ts";
import type { DeclaredType } from "../../wire/declared-type.ts";
import type { Image } from "../../wire/descriptors.ts";

/**
 * The definition of a tool as lines of text, each of which names what it is about, so that two definitions can be
 * compared line by line.
 */
export function definitionLines(image: Image, definition: ToolDefinition): string[] {
  const { name, title, description, method, requestType, responseType, isJob, effect } = definition;
  const { destructive, openWorld, inputSchema, outputSchema, types } = definition;
  const hint = (value: boolean | undefined): string => (value === undefined ? "not stated" : String(value));
  return [
    `name: ${name}`,
    `title: ${title}`,
    ...description.split("\n").map((line) => `description: ${line}`),
    `method: ${method}`,
    `request: ${requestType}`,
    `response: ${responseType}`,
    `runs as: ${isJob ? "job" : "call"}`,
    `effect: ${effect === "" ? "each intent is executed once" : effect}`,
    `destructive: ${hint(destructive)}`,
    `open world: ${hint(openWorld)}`,
    ...schemaLines("input schema", inputSchema),
    ...schemaLines("output schema", outputSchema),
    ...types.flatMap((type) => typeLines(image, type)),
  ];
}

function schemaLines(name: string, schema: string): string[] {
  return schema === "" ? [] : [`${name}: ${schema}`];
}

/** One line for the type with its options, and two for each member: its declaration and its comment. */
function typeLines(image: Image, type: DeclaredType): string[] {
  const { typeName, declaration, comments, isEnum } = type;
  const { members, rest } = isEnum ? readEnum(image, declaration) : readMessage(image, declaration);
  const [comment = "", ...memberComments] = comments;
  return [
    `${typeName}: ${JSON.stringify(rest)}`,
    ...commentLines(typeName, comment),
    ...members.flatMap((member, index) => {
      const name = `${typeName}.${member.name}`;
      return [`${name}: ${JSON.stringify(member)}`, ...commentLines(name, memberComments[index] ?? "")];
    }),
  ];
}

function commentLines(name: string, comment: string): string[] {
  return comment === "" ? [] : comment.split("\n").map((line) => `${name}: // ${line}`);
}

interface ReadDeclaration {
  readonly members: readonly { readonly name: string }[];
  readonly rest: JsonValue;
}

function readMessage(image: Image, declaration: Uint8Array): ReadDeclaration {
  const { field = [], ...rest } = readJson(image, DescriptorProtoSchema, declaration);
  return { members: field as unknown as ReadDeclaration["members"], rest };
}

function readEnum(image: Image, declaration: Uint8Array): ReadDeclaration {
  const { value = [], ...rest } = readJson(image, EnumDescriptorProtoSchema, declaration);
  return { members: value as unknown as ReadDeclaration["members"], rest };
}

function readJson(image: Image, schema: DescMessage, bytes: Uint8Array): Record<string, JsonValue> {
  return toJson(schema, fromBinary(schema, bytes), { registry: image.registry }) as Record<string, JsonValue>;
}
