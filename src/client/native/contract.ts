import type { DescField } from "@bufbuild/protobuf";
import type { ListToolsResponse, ToolDescription } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../../errors.ts";
import { progressField } from "../../tools/job-stream.ts";
import { builtinImage, descriptorSetOf, findMethod, type Image, readImage } from "../../wire/descriptors.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";

/** A method of the contract, as native callers see it. */
export interface ToolMethod {
  /** The name of its tool. */
  readonly tool: string;
  readonly inputType: string;
  readonly outputType: string;
  readonly isJob: boolean;
  /** True if a call that is executed twice does no harm. Never true of a job. */
  readonly repeatable: boolean;
  /** The field of its streamed messages that reports progress; `undefined` unless it is a streaming job method. */
  readonly progress: DescField | undefined;
}

/** The tools that the server offers the client's key, from a verified answer. */
export interface Contract {
  /** By gRPC path, `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, ToolMethod>;
  /** The full names of the tools' services. */
  readonly services: readonly string[];
  /** The tools' descriptors, with those of the messages in {@link OWN_FILES}. */
  readonly image: Image;
}

/** Files of messages that are sent beside those of the tools, whose contract need not contain them. */
const OWN_FILES = [
  "google/rpc/error_details.proto",
  "sealwire/v1/error.proto",
  "grpc/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto",
];

/** Reads a verified `list_tools` answer with descriptors. Throws RESPONSE_INVALID. */
export function readContract({ tools, descriptorSet }: ListToolsResponse): Contract {
  try {
    const image = readImage(descriptorSet, descriptorSetOf(builtinImage(), OWN_FILES));
    const methods = new Map(tools.flatMap((tool) => readMethod(image, tool)));
    const services = [...new Set([...methods.keys()].map((path) => path.slice(1, path.lastIndexOf("/"))))].sort();
    return { methods, services, image };
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new SealwireError("RESPONSE_INVALID", `The server's list_tools answer cannot be used: ${problem}`, { cause });
  }
}

function readMethod(image: Image, description: ToolDescription): [string, ToolMethod][] {
  const method = findMethod(image, description.method);
  if (method === undefined) return [];
  const isJob = description.job !== undefined;
  const isStream = method.methodKind === "server_streaming";
  const tool: ToolMethod = {
    tool: description.name,
    inputType: TYPE_URL_PREFIX + method.input.typeName,
    outputType: TYPE_URL_PREFIX + method.output.typeName,
    isJob,
    repeatable: description.idempotent && !isJob,
    progress: isJob && isStream ? progressField(description.method, method.output) : undefined,
  };
  return [[`/${method.parent.typeName}/${method.name}`, tool]];
}
