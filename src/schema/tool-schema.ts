import type { DescMethod, JsonValue } from "@bufbuild/protobuf";
import type { ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../errors.ts";
import { methodPath, toolOptionsOf } from "../tools/tool.ts";
import { isObject } from "../validation/json-numbers.ts";
import { findMethod, type Image, readImage } from "../wire/descriptors.ts";
import type { JsonSchema } from "./json-schema.ts";
import { messageSchema } from "./message-schema.ts";

/** The JSON Schemas of a tool (docs/schema.md). Both have an object at their root and contain no `$ref`. */
export interface ToolJsonSchema {
  /** The arguments. Whatever it accepts, ProtoJSON parsers accept, apart from what docs/schema.md lists. */
  readonly input: JsonSchema;
  /** The output; `undefined` if the contract says nothing of it. */
  readonly output: JsonSchema | undefined;
  /**
   * What JSON of `input` is: the request message; or its field `arguments`, for a tool of an MCP server; or, under
   * "value", a request whose ProtoJSON is no object, such as a StringValue.
   */
  readonly inputIs: "request" | "arguments" | "value";
  /** What JSON of `output` is: the response message, its field `structured_content`, or, under "value", the response. */
  readonly outputIs: "response" | "structured_content" | "value";
}

const CALL_TOOL_REQUEST = "sealwire.mcp.v1.CallToolRequest";
const CALL_TOOL_RESPONSE = "sealwire.mcp.v1.CallToolResponse";

/**
 * The JSON Schemas of a tool, from the descriptors of its method or, for a tool of an MCP server, from its options.
 * Names are those of the `.proto` files: write the output with `toJson(…, { useProtoFieldName: true })`. Throws
 * OPTIONS_INVALID if the options contain a schema that is no JSON object.
 *
 * @example
 * ```ts
 * const image = readImage(await readFile("gen/descriptors.binpb"));
 * const method = findMethod(image, "greet.v1.GreetToolService.Greet");
 * if (method !== undefined) console.log(toolJsonSchema(image, method).input);
 * ```
 */
export function toolJsonSchema(image: Image, method: DescMethod): ToolJsonSchema {
  const { inputSchema = "", outputSchema = "" } = toolOptionsOf(image, method) ?? {};
  const isDeclared = takesDeclared(image, method);
  const request = rootSchema(messageSchema(image, method.input, "input"));
  const input = isDeclared
    ? ({ input: parseSchema(inputSchema, method, "input_schema"), inputIs: "arguments" } as const)
    : ({ input: request.schema, inputIs: request.isBoxed ? "value" : "request" } as const);
  if (method.output.typeName === CALL_TOOL_RESPONSE && outputSchema !== "") {
    const output = parseSchema(outputSchema, method, "output_schema");
    return { ...input, output, outputIs: "structured_content" };
  }
  if (isDeclared) return { ...input, output: undefined, outputIs: "structured_content" };
  const response = rootSchema(messageSchema(image, method.output, "output"));
  return { ...input, output: response.schema, outputIs: response.isBoxed ? "value" : "response" };
}

/** True for a tool of an MCP server that states the schema of its arguments. */
export function takesDeclared(image: Image, method: DescMethod): boolean {
  return method.input.typeName === CALL_TOOL_REQUEST && (toolOptionsOf(image, method)?.inputSchema ?? "") !== "";
}

/**
 * The JSON Schemas of the tools in a `list_tools` answer with descriptors, by name. Throws RESPONSE_INVALID if the
 * answer lacks the contract of a tool, OPTIONS_INVALID as {@link toolJsonSchema} does.
 *
 * @example
 * ```ts
 * const tools = toolJsonSchemas(await client.listTools({ includeDescriptors: true }));
 * console.log(JSON.stringify(tools.get("batch_sum")?.input));
 * ```
 */
export function toolJsonSchemas({ tools, descriptorSet }: ListToolsResponse): ReadonlyMap<string, ToolJsonSchema> {
  const image = readImage(descriptorSet);
  return new Map(
    tools.map(({ name, method: path }) => {
      const method = findMethod(image, path);
      if (method === undefined)
        throw new SealwireError("RESPONSE_INVALID", `The server lists ${name} without the contract of ${path}.`);
      return [name, toolJsonSchema(image, method)];
    }),
  );
}

/** A schema as the root of a tool's. A value that is no object is put into one. */
function rootSchema(schema: JsonSchema): { readonly schema: JsonSchema; readonly isBoxed: boolean } {
  if (schema.type === "object") {
    return { schema: "properties" in schema ? schema : { ...schema, properties: {} }, isBoxed: false };
  }
  const boxed = { type: "object", properties: { value: schema }, required: ["value"], additionalProperties: false };
  return { schema: boxed, isBoxed: true };
}

function parseSchema(text: string, method: DescMethod, option: string): JsonSchema {
  let schema: JsonValue | undefined;
  try {
    schema = JSON.parse(text) as JsonValue;
  } catch {
    schema = undefined;
  }
  if (isObject(schema)) return schema;
  throw new SealwireError("OPTIONS_INVALID", `The ${option} of ${methodPath(method)} must be a JSON object.`);
}
