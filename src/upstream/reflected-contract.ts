import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Client, type ClientDuplexStream, status } from "@grpc/grpc-js";
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from "../../gen/grpc/reflection/v1/reflection.ts";
import { SealwireError } from "../errors.ts";
import { joinFiles } from "../wire/descriptors.ts";
import type { ChannelSecurity } from "./channel-security.ts";

/** The contract that a gRPC server reports by reflection. Nothing of it is verified. */
export interface ReflectedContract {
  /** The serialized FileDescriptorSet, imports first. */
  readonly descriptors: Uint8Array;
  /** Full names of the services, without those of gRPC itself. */
  readonly services: readonly string[];
}

/** Options of {@link reflectContract}. */
export interface ReflectionOptions {
  readonly address: string;
  readonly security: ChannelSecurity;
  /** Only these services; `undefined`: all. */
  readonly services: readonly string[] | undefined;
  /** When to give up, Unix milliseconds. */
  readonly deadlineMs: number;
}

type Ask = (request: ServerReflectionRequest["messageRequest"]) => Promise<ServerReflectionResponse["messageResponse"]>;

const V1 = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const V1ALPHA = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
const OF_GRPC = /^grpc\./;
const MOST_FILES = 1_000;

/**
 * Reads the contract of a server by gRPC reflection, v1 or v1alpha. Throws UNREACHABLE, and OPTIONS_INVALID if the server
 * has no reflection or not these services.
 */
export async function reflectContract(options: ReflectionOptions): Promise<ReflectedContract> {
  const { address, security } = options;
  const client = new Client(address, security.credentials, { ...security.options, "grpc.enable_http_proxy": 0 });
  try {
    return await readBy(client, V1, options).catch((thrown: unknown) => {
      if (codeOf(thrown) === status.UNIMPLEMENTED) return readBy(client, V1ALPHA, options);
      throw thrown;
    });
  } catch (cause) {
    throw explained(cause, address);
  } finally {
    client.close();
  }
}

async function readBy(
  client: Client,
  path: string,
  { services, deadlineMs }: ReflectionOptions,
): Promise<ReflectedContract> {
  const { requestSerialize, responseDeserialize } = ServerReflectionService.serverReflectionInfo;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, { deadline: deadlineMs });
  try {
    const ask = asker(stream);
    const wanted = services ?? (await listServices(ask));
    if (wanted.length === 0) throw new SealwireError("OPTIONS_INVALID", "The server reports no services of its own.");
    const files = new Files();
    for (const service of wanted)
      files.add(await askForFiles(ask, { $case: "fileContainingSymbol", value: service }, service));
    for (let missing = files.missing(); missing !== undefined; missing = files.missing()) {
      files.add(await askForFiles(ask, { $case: "fileByFilename", value: missing }, missing));
    }
    return { descriptors: joinFiles(files.inOrder()), services: [...wanted].sort() };
  } finally {
    stream.cancel();
  }
}

/** Asks one question after the other on a stream. */
function asker(stream: ClientDuplexStream<ServerReflectionRequest, ServerReflectionResponse>): Ask {
  const answers = stream[Symbol.asyncIterator]();
  // The iterator rejects with the same error. Without a listener the event would end the process.
  stream.on("error", () => {});
  return async (messageRequest) => {
    stream.write({ host: "", messageRequest });
    const { value, done } = await answers.next();
    if (done) throw new SealwireError("OPTIONS_INVALID", "The server ended the reflection without an answer.");
    return (value as ServerReflectionResponse).messageResponse;
  };
}

async function listServices(ask: Ask): Promise<string[]> {
  const answer = await ask({ $case: "listServices", value: "" });
  if (answer?.$case !== "listServicesResponse") return [];
  return answer.value.service.map(({ name }) => name).filter((name) => !OF_GRPC.test(name));
}

async function askForFiles(
  ask: Ask,
  question: NonNullable<ServerReflectionRequest["messageRequest"]>,
  what: string,
): Promise<readonly Uint8Array[]> {
  const answer = await ask(question);
  if (answer?.$case === "fileDescriptorResponse") return answer.value.fileDescriptorProto;
  throw new SealwireError("OPTIONS_INVALID", `The server's reflection does not know ${what}.`);
}

/** Files by name, some of whose imports may be missing. */
class Files {
  readonly #files = new Map<string, { readonly bytes: Uint8Array; readonly file: FileDescriptorProto }>();

  add(files: readonly Uint8Array[]): void {
    for (const bytes of files) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      this.#files.set(file.name, { bytes, file });
    }
    if (this.#files.size > MOST_FILES)
      throw new SealwireError("OPTIONS_INVALID", `The server reports more than ${MOST_FILES} files.`);
  }

  /** The name of an import that is not there. */
  missing(): string | undefined {
    for (const { file } of this.#files.values()) {
      const name = file.dependency.find((dependency) => !this.#files.has(dependency));
      if (name !== undefined) return name;
    }
    return undefined;
  }

  /** The files, imports first, otherwise by name. */
  inOrder(): readonly Uint8Array[] {
    const ordered = new Map<string, Uint8Array>();
    const seen = new Set<string>();
    const visit = (name: string): void => {
      const found = this.#files.get(name);
      if (found === undefined || seen.has(name)) return;
      seen.add(name);
      for (const dependency of found.file.dependency) visit(dependency);
      ordered.set(name, found.bytes);
    };
    for (const name of [...this.#files.keys()].sort()) visit(name);
    return [...ordered.values()];
  }
}

function codeOf(thrown: unknown): number | undefined {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? (thrown.code as number) : undefined;
}

function explained(thrown: unknown, address: string): SealwireError {
  if (thrown instanceof SealwireError) return thrown;
  const code = codeOf(thrown);
  if (code === status.UNIMPLEMENTED) {
    const toDo = "Build the descriptors from the .proto files with `buf build --as-file-descriptor-set -o FILE`.";
    return new SealwireError("OPTIONS_INVALID", `The server ${address} has no reflection.\n${toDo}`);
  }
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) {
    return new SealwireError("UNREACHABLE", `The server ${address} cannot be reached.`, { cause: thrown });
  }
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return new SealwireError("OPTIONS_INVALID", `The reflection of ${address} cannot be used: ${problem}.`, {
    cause: thrown,
  });
}
