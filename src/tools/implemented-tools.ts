import type { DescMethod } from "@bufbuild/protobuf";
import { SealwireError } from "../errors.ts";
import { checkFreeJson } from "../validation/free-json.ts";
import { checkStrict } from "../validation/strict.ts";
import type { Image } from "../wire/descriptors.ts";
import { readOutputBytes } from "./handler.ts";
import type { AnyHandler, MethodDefinition, ToolImplementation } from "./implement.ts";
import { handleStream, progressField } from "./job-stream.ts";
import { decodeWithProtoKeys, mayHoldProtoKey } from "./proto-keys.ts";
import { isStreamingJob, makeTool, methodPath, type Tool, type ToolRunner } from "./tool.ts";

/** Makes the tools of an implemented service. Throws OPTIONS_INVALID if the image has another contract. */
export function implementedTools(image: Image, { definition, handlers }: ToolImplementation): Tool[] {
  const service = image.registry.getService(definition.fullName);
  if (service === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The descriptors do not contain the service ${definition.fullName}; pass the image built from its .proto in \`descriptors\`.`,
    );
  }
  return service.methods.map((method) => {
    const handler = handlers.get(method.name);
    const methodDefinition = Object.values(definition.methods).find(({ name }) => name === method.name);
    if (handler === undefined || methodDefinition === undefined) {
      throw new SealwireError(
        "OPTIONS_INVALID",
        `${definition.fullName}.${method.name} is in the descriptors but not in the generated code; generate both from the same .proto.`,
      );
    }
    return makeTool(image, method, runnerOf(image, method, methodDefinition, handler));
  });
}

function runnerOf(
  image: Image,
  method: DescMethod,
  { requestType, responseType }: MethodDefinition,
  handler: AnyHandler,
): ToolRunner {
  const path = methodPath(method);
  return {
    handler: isStreamingJob(image, method)
      ? handleStream(handler, { method: path, codec: responseType, progress: progressField(path, method.output) })
      : handler,
    decodeInput(args) {
      const decode = (bytes: Uint8Array): unknown => requestType.decode(bytes);
      return mayHoldProtoKey(args) ? decodeWithProtoKeys(args, method.input, decode) : decode(args);
    },
    encodeOutput(output) {
      const bytes = readOutputBytes(output);
      if (bytes === undefined) {
        checkFreeJson(method.output, output);
        return responseType.encode(output).finish();
      }
      checkStrict(bytes, method.output, { unbounded: true });
      return bytes;
    },
  };
}
