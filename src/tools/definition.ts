import { createHash } from "node:crypto";
import type { ToolDescription } from "../../gen/sealwire/system/v1/list_tools.ts";
import type { ToolOptions } from "../../gen/sealwire/v1/options.ts";
import { pae } from "../signing/pae.ts";
import { type DeclaredType, declaredType } from "../wire/declared-type.ts";
import type { Image } from "../wire/descriptors.ts";

/** Everything that a model is shown of a tool. */
export interface ToolDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The full name of the method, for example "greet.v1.GreetToolService.Greet". */
  readonly method: string;
  readonly requestType: string;
  readonly responseType: string;
  readonly isJob: boolean;
  readonly effect: "read_only" | "idempotent" | "";
  /** `undefined`: not stated. */
  readonly destructive: boolean | undefined;
  /** `undefined`: not stated. */
  readonly openWorld: boolean | undefined;
  /** JSON Schema of the arguments, if the contract contains one. */
  readonly inputSchema: string;
  /** JSON Schema of the output, if the contract contains one. */
  readonly outputSchema: string;
  /** The types of arguments and output, sorted by name. Those whose JSON form is fixed are not included. */
  readonly types: readonly DeclaredType[];
}

/** Messages and enums of google.protobuf whose JSON form the specification fixes. */
const FIXED = new Set(
  [
    ...["Any", "Timestamp", "Duration", "FieldMask", "Empty", "Struct", "Value", "ListValue", "NullValue"],
    ...["BoolValue", "BytesValue", "DoubleValue", "FloatValue", "Int32Value", "Int64Value", "StringValue"],
    ...["UInt32Value", "UInt64Value"],
  ].map((name) => `google.protobuf.${name}`),
);

/** Collects the definition of a tool from its description, whose options are those of the method, and its contract. */
export function definitionOf(image: Image, tool: Omit<ToolDescription, "definitionDigest">): ToolDefinition {
  const { name, description, method, requestType, responseType, options } = tool;
  return {
    name,
    title: options?.title ?? "",
    description,
    method,
    requestType,
    responseType,
    isJob: tool.job !== undefined,
    effect: tool.readOnly ? "read_only" : tool.idempotent ? "idempotent" : "",
    destructive: destructiveHint(options),
    openWorld: openWorldHint(options),
    inputSchema: options?.inputSchema ?? "",
    outputSchema: options?.outputSchema ?? "",
    types: closureOf(image, [requestType, responseType]),
  };
}

/** SHA-256, in hex, over a definition (docs/protocol.md, Tool definitions). */
export function definitionDigest(definition: ToolDefinition): string {
  const { name, title, description, method, requestType, responseType, isJob, effect } = definition;
  const { destructive, openWorld, inputSchema, outputSchema, types } = definition;
  const input = pae(
    "definition",
    ...[name, title, description, method, requestType, responseType],
    ...[isJob ? "job" : "call", effect, hintText(destructive), hintText(openWorld), inputSchema, outputSchema],
    ...types.map(({ typeName, declaration, comments }) => pae(typeName, declaration, ...comments)),
  );
  return createHash("sha256").update(input).digest("hex");
}

/** Whether a tool may make destructive changes; `undefined` if it is not stated. */
export function destructiveHint(options: ToolOptions | undefined): boolean | undefined {
  return options?.destructiveHint ?? (options?.destructive ? true : undefined);
}

/** Whether a tool interacts with systems outside its server; `undefined` if it is not stated. */
export function openWorldHint(options: ToolOptions | undefined): boolean | undefined {
  return options?.openWorldHint ?? (options?.openWorld ? true : undefined);
}

function hintText(hint: boolean | undefined): string {
  return hint === undefined ? "" : String(hint);
}

function closureOf(image: Image, roots: readonly string[]): DeclaredType[] {
  const names = new Set(roots);
  const types: DeclaredType[] = [];
  // The iteration of a Set includes names that are added during the loop.
  for (const name of names) {
    const type = FIXED.has(name) ? undefined : declaredType(image, name);
    if (type === undefined) continue;
    types.push(type);
    for (const used of type.uses) names.add(used);
  }
  return types.sort((one, other) => Buffer.compare(Buffer.from(one.typeName), Buffer.from(other.typeName)));
}
