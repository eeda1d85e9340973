import { type Server, type ServerDuplexStream, status as Status } from "@grpc/grpc-js";
import {
  ServerReflectionService as ReflectionV1,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection.ts";
import { ServerReflectionService as ReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection.ts";
import type { Logger } from "../runtime/logger.ts";
import { fileClosure, type Image } from "../wire/descriptors.ts";

type Answer = NonNullable<ServerReflectionResponse["messageResponse"]>;

/**
 * Serves gRPC reflection, v1 and v1alpha (their messages are the same): the image's descriptors byte for byte, each
 * with all it imports, so that options and comments stay.
 */
export function addReflection(server: Server, image: Image, services: readonly string[], logger: Logger): void {
  const reflect = (stream: ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>): void => {
    stream.on("data", (request: ServerReflectionRequest) => {
      let messageResponse: Answer;
      try {
        messageResponse = answer(image, services, request.messageRequest);
      } catch (err) {
        logger.error({ err }, "reflection failed unexpectedly");
        stream.emit("error", { code: Status.INTERNAL, details: "The request could not be answered." });
        return;
      }
      if (stream.write({ validHost: request.host, originalRequest: request, messageResponse })) return;
      // Whoever asks without reading the answers must not fill the memory with them.
      stream.pause();
      stream.once("drain", () => stream.resume());
    });
    stream.on("end", () => stream.end());
    stream.on("error", () => {});
  };
  server.addService(ReflectionV1, { serverReflectionInfo: reflect });
  server.addService(ReflectionV1Alpha, { serverReflectionInfo: reflect });
}

function answer(image: Image, services: readonly string[], request: ServerReflectionRequest["messageRequest"]): Answer {
  switch (request?.$case) {
    case "listServices":
      return { $case: "listServicesResponse", value: { service: services.map((name) => ({ name })) } };
    case "fileByFilename":
      return filesAnswer(image, image.files.has(request.value) ? request.value : undefined, `file ${request.value}`);
    case "fileContainingSymbol":
      return filesAnswer(image, fileOfSymbol(image, request.value), `symbol ${request.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      const extension = extensionsOf(image, containingType).find(({ number }) => number === extensionNumber);
      return filesAnswer(
        image,
        extension && `${extension.file.name}.proto`,
        `extension ${extensionNumber} of ${containingType}`,
      );
    }
    case "allExtensionNumbersOfType": {
      if (image.registry.getMessage(request.value) === undefined) return notFound(`type ${request.value}`);
      const extensionNumber = extensionsOf(image, request.value).map(({ number }) => number);
      return { $case: "allExtensionNumbersResponse", value: { baseTypeName: request.value, extensionNumber } };
    }
    default:
      return {
        $case: "errorResponse",
        value: { errorCode: Status.INVALID_ARGUMENT, errorMessage: "The request is empty." },
      };
  }
}

function filesAnswer(image: Image, fileName: string | undefined, what: string): Answer {
  if (fileName === undefined) return notFound(what);
  // The file asked for comes first, then what it imports.
  const names = fileClosure(image, [fileName]).reverse();
  const files = names.map((name) => image.files.get(name)).filter((file) => file !== undefined);
  return { $case: "fileDescriptorResponse", value: { fileDescriptorProto: files } };
}

function notFound(what: string): Answer {
  return { $case: "errorResponse", value: { errorCode: Status.NOT_FOUND, errorMessage: `There is no ${what}.` } };
}

function extensionsOf(image: Image, typeName: string) {
  return [...image.registry]
    .filter((type) => type.kind === "extension")
    .filter(({ extendee }) => extendee.typeName === typeName);
}

/** The file of a message, enum, service, extension, method or field. */
function fileOfSymbol(image: Image, symbol: string): string | undefined {
  const type = image.registry.get(symbol) ?? image.registry.get(symbol.slice(0, symbol.lastIndexOf(".")));
  return type && `${type.file.name}.proto`;
}
