/** `sealwire/schema`: JSON Schemas of tools, and checks of JSON arguments before a call (docs/schema.md). */
import "../runtime/check-node.ts";

export type { ListToolsResponse, ToolDescription } from "../../gen/sealwire/system/v1/list_tools.ts";
export {
  type ErrorDetail,
  type FieldViolation,
  type Reason,
  SealwireError,
  type SealwireErrorOptions,
  type StatusName,
  type WireReason,
} from "../errors.ts";
export { type ArgumentProblem, checkJsonArguments } from "../schema/argument-check.ts";
export type { JsonSchema } from "../schema/json-schema.ts";
export { type ToolJsonSchema, toolJsonSchema, toolJsonSchemas } from "../schema/tool-schema.ts";
export {
  builtinDescriptorSet,
  builtinImage,
  findMethod,
  type Image,
  messageDesc,
  readImage,
} from "../wire/descriptors.ts";
