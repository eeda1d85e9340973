import { execFileSync } from "node:child_process";
import { join } from "node:path";
import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata, type StatusObject } from "@grpc/grpc-js";
import { HealthClient, HealthCheckResponse_ServingStatus as HealthStatus } from "../../../gen/grpc/health/v1/health.ts";
import {
  ServerReflectionClient,
  type ServerReflectionResponse,
} from "../../../gen/grpc/reflection/v1alpha/reflection.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const CONTRACT = "examples/upstream-contract";
/** The service of the contract. */
export const SERVICE = "archive.v1.ArchiveToolService";

/** A method of the contract. */
export type Method = "AddNote" | "CountWords" | "HashPages";

/** What a call came to. */
export interface Answer {
  /** gRPC status code. */
  readonly code: number;
  readonly details: string;
  /** The response messages in JSON. */
  readonly messages: readonly JsonValue[];
}

/** A call whose answer may still be waited for. */
export interface OpenCall {
  readonly answer: Promise<Answer>;
  cancel(): void;
}

/** How to make a call. */
export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

/** The serialized request that stands for a value in JSON. */
export function encodeRequest(method: Method, json: JsonValue): Buffer {
  const { input } = describe(method);
  return Buffer.from(toBinary(input, fromJson(input, json)));
}

/** Calls the archive tools with plain gRPC, as `serve --upstream` does. */
export class ArchiveClient implements Disposable {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.enable_retries": 0 });
  }

  /** Calls a method with a serialized request. */
  open(method: Method, request: Buffer, { metadata = {}, deadlineMs }: CallOptions = {}): OpenCall {
    const { output } = describe(method);
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    // A unary method answers with a stream of one message, as seen from the wire.
    const stream = this.#client.makeServerStreamRequest(
      `/${SERVICE}/${method}`,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => toJson(output, fromBinary(output, bytes)),
      request,
      sent,
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
    );
    const messages: JsonValue[] = [];
    stream.on("data", (message: JsonValue) => messages.push(message)).on("error", () => {});
    const answer = new Promise<Answer>((resolve) => {
      stream.on("status", ({ code, details }: StatusObject) => resolve({ code, details, messages }));
    });
    return { answer, cancel: () => stream.cancel() };
  }

  /** Calls a method with a request in JSON, and waits for the answer. */
  call(method: Method, json: JsonValue, options?: CallOptions): Promise<Answer> {
    return this.open(method, encodeRequest(method, json), options).answer;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** Follows the health of a service until its stream ends; the result grows with each change. */
export function watchHealth(address: string, service: string): readonly ("SERVING" | "NOT_SERVING")[] {
  const seen: ("SERVING" | "NOT_SERVING")[] = [];
  const client = new HealthClient(address, credentials.createInsecure());
  client
    .watch({ service })
    .on("data", ({ status }) => seen.push(status === HealthStatus.SERVING ? "SERVING" : "NOT_SERVING"))
    .on("error", () => client.close());
  return seen;
}

/** Returns the names of the services that reflection lists. */
export async function listServices(address: string): Promise<readonly string[]> {
  const client = new ServerReflectionClient(address, credentials.createInsecure());
  try {
    const stream = client.serverReflectionInfo();
    stream.end({ host: "", messageRequest: { $case: "listServices", value: "" } });
    const [response]: ServerReflectionResponse[] = await stream.toArray();
    const list = response?.messageResponse;
    if (list?.$case !== "listServicesResponse") throw new Error("reflection lists no services");
    return list.value.service.map(({ name }) => name);
  } finally {
    client.close();
  }
}

let service: DescService | undefined;

function describe(name: Method): DescMethod {
  service ??= readContract();
  const method = service.methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`the contract has no ${name}`);
  return method;
}

function readContract(): DescService {
  const archive = join(CONTRACT, "archive");
  const args = [
    "build",
    "--config",
    join(CONTRACT, "checkout.buf.yaml"),
    "--path",
    archive,
    "--output",
    "-#format=binpb",
  ];
  const image = execFileSync(join(ROOT, "node_modules", ".bin", "buf"), args, { cwd: ROOT });
  const found = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getService(SERVICE);
  if (found === undefined) throw new Error(`${CONTRACT} has no ${SERVICE}`);
  return found;
}
