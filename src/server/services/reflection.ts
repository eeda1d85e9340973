import { type Server, type ServerDuplexStream, type ServiceDefinition, status as Status } from "@grpc/grpc-js";
import {
  ServerReflectionService as ReflectionV1,
  type ServerReflectionRequest,
  ServerReflectionResponse,
} from "../../../gen/grpc/reflection/v1/reflection.ts";
import { ServerReflectionService as ReflectionV1Alpha } from "../../../gen/grpc/reflection/v1alpha/reflection.ts";
import { SealwireError } from "../../errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { fileClosure, type Image } from "../../wire/descriptors.ts";
import { toGrpcFailure } from "../../wire/status.ts";

/** The full names of both versions of the service. */
export const REFLECTION_SERVICES = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/** Folder of the contract of the operator's tools, which exist for keys with a role only and not for strangers. */
const UNSHOWN_FOLDER = "sealwire/operator/";

type ReflectionAnswer = NonNullable<ServerReflectionResponse["messageResponse"]>;

/** Answers one request of a reflection stream. */
export type AnswerReflection = (request: ServerReflectionRequest) => Buffer | Promise<Buffer>;

/**
 * Returns a function that answers from the image's descriptors, byte for byte, so that options and comments are
 * preserved, each with its imports. The answer for a file is encoded on first use. The image may be replaced.
 */
export function reflectionOf(
  currentImage: () => Image,
  services: readonly string[],
): (request: ServerReflectionRequest) => Buffer {
  const answers = new WeakMap<Image, Map<string, ReflectionAnswer>>();
  const encoded = new WeakMap<ReflectionAnswer, Uint8Array>();
  const filesAnswer = (fileName: string | undefined, what: string): ReflectionAnswer => {
    if (fileName === undefined) return notFound(what);
    const image = currentImage();
    const files = answers.get(image) ?? new Map<string, ReflectionAnswer>();
    answers.set(image, files);
    let found = files.get(fileName);
    if (found === undefined) {
      found = answerOfFiles(image, fileName);
      files.set(fileName, found);
    }
    return found;
  };
  return (request) => {
    const messageResponse = answer(currentImage(), services, request.messageRequest, filesAnswer);
    let bytes = encoded.get(messageResponse);
    if (bytes === undefined) {
      bytes = ServerReflectionResponse.encode({ validHost: "", originalRequest: undefined, messageResponse }).finish();
      encoded.set(messageResponse, bytes);
    }
    const head = { validHost: request.host, originalRequest: request, messageResponse: undefined };
    // The concatenation of two encoded messages is the encoding of the merged message.
    return Buffer.concat([ServerReflectionResponse.encode(head).finish(), bytes]);
  };
}

/** Serves gRPC reflection, v1 and v1alpha, which have the same messages. */
export function addReflection(server: Server, answerRequest: AnswerReflection, logger: Logger): void {
  const reflect = (stream: ServerDuplexStream<ServerReflectionRequest, Buffer>): void => {
    let isAnswering = false;
    let hasEnded = false;
    const fail = (thrown: unknown): void => {
      if (thrown instanceof SealwireError) {
        stream.emit("error", toGrpcFailure(thrown));
        return;
      }
      logger.error({ err: thrown }, "reflection failed unexpectedly");
      stream.emit("error", { code: Status.INTERNAL, details: "The request could not be answered." });
    };
    const serve = async (request: ServerReflectionRequest): Promise<void> => {
      const answered = await answerRequest(request);
      stream.write(answered, () => {
        isAnswering = false;
        if (hasEnded) stream.end();
        else stream.resume();
      });
    };
    stream.on("data", (request: ServerReflectionRequest) => {
      // One answer at a time, so that a client that does not read answers cannot fill the memory.
      isAnswering = true;
      stream.pause();
      serve(request).catch(fail);
    });
    stream.on("end", () => {
      hasEnded = true;
      if (!isAnswering) stream.end();
    });
    stream.on("error", () => {});
  };
  server.addService(encodedHere(ReflectionV1), { serverReflectionInfo: reflect });
  server.addService(encodedHere(ReflectionV1Alpha), { serverReflectionInfo: reflect });
}

function encodedHere({ serverReflectionInfo }: typeof ReflectionV1 | typeof ReflectionV1Alpha): ServiceDefinition {
  return { serverReflectionInfo: { ...serverReflectionInfo, responseSerialize: (bytes: Buffer) => bytes } };
}

function answer(
  image: Image,
  services: readonly string[],
  request: ServerReflectionRequest["messageRequest"],
  filesAnswer: (fileName: string | undefined, what: string) => ReflectionAnswer,
): ReflectionAnswer {
  switch (request?.$case) {
    case "listServices":
      return { $case: "listServicesResponse", value: { service: services.map((name) => ({ name })) } };
    case "fileByFilename":
      return filesAnswer(isShown(image, request.value) ? request.value : undefined, `file ${request.value}`);
    case "fileContainingSymbol":
      return filesAnswer(fileOfSymbol(image, request.value), `symbol ${request.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      const extension = extensionsOf(image, containingType).find(({ number }) => number === extensionNumber);
      return filesAnswer(
        extension && `${extension.file.name}.proto`,
        `extension ${extensionNumber} of ${containingType}`,
      );
    }
    case "allExtensionNumbersOfType": {
      const type = image.registry.getMessage(request.value);
      if (type === undefined || !isShown(image, `${type.file.name}.proto`)) return notFound(`type ${request.value}`);
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

function answerOfFiles(image: Image, fileName: string): ReflectionAnswer {
  // The requested file comes first, then its imports.
  const names = fileClosure(image, [fileName]).reverse();
  const files = names.map((name) => image.files.get(name)).filter((file) => file !== undefined);
  return { $case: "fileDescriptorResponse", value: { fileDescriptorProto: files } };
}

function notFound(what: string): ReflectionAnswer {
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
  const fileName = type && `${type.file.name}.proto`;
  return fileName !== undefined && isShown(image, fileName) ? fileName : undefined;
}

function isShown(image: Image, fileName: string): boolean {
  return image.files.has(fileName) && !fileName.startsWith(UNSHOWN_FOLDER);
}
