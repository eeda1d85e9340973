import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { JobProgress } from "../../gen/sealwire/v1/job.ts";
import type { UpstreamOptions } from "../../src/upstream/options.ts";
import { buildDescriptors } from "../support/build-descriptors.ts";

/* A real gRPC server for the tools of fault.v1, which does what a test wants, also what generated code could not do. */

const ROOT = join(import.meta.dirname, "..", "..");
export const SERVICE = "fault.v1.FaultToolService";

let descriptorSet: Uint8Array | undefined;

/** The contract of the tools. */
export function faultDescriptors(): Uint8Array {
  descriptorSet ??= buildDescriptors(join(ROOT, "test/upstream/proto"));
  return descriptorSet;
}

/** A call that has reached the upstream. */
export interface FaultCall {
  readonly method: "Act" | "Look" | "Work" | "Flow";
  readonly what: string;
  readonly bytes: Buffer;
  readonly metadata: Metadata;
  /** Unix milliseconds. */
  readonly deadlineMs: number;
  readonly isCancelled: () => boolean;
  /** Answers with the encoding of a text, or with any bytes; on a stream a message. */
  send(answer: string | Uint8Array): void;
  progress(completed: number, total: number): void;
  end(): void;
  fail(error: Partial<ServiceError>): void;
}

/** A running upstream. */
export interface FaultUpstream extends AsyncDisposable {
  /** For `createServer`. */
  readonly options: UpstreamOptions;
  readonly calls: readonly FaultCall[];
  readonly health: HealthImplementation;
  /** What it does with each call. */
  act: (call: FaultCall) => unknown;
  /** Cuts all connections and listens no more. */
  kill(): void;
  /** Makes all connections silent without closing them, as the loss of a machine does. New ones are not affected. */
  freeze(): void;
  /** Lets the connections speak again. */
  thaw(): void;
  /** Listens again. */
  restart(): Promise<void>;
}

/** Starts an upstream on a unix socket in a private folder. */
export async function startFaultUpstream(
  act: (call: FaultCall) => unknown,
  options: Partial<UpstreamOptions> = {},
): Promise<FaultUpstream> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-upstream-"));
  chmodSync(folder, 0o700);
  const [front, back] = [join(folder, "tools.sock"), join(folder, "behind.sock")];
  const calls: FaultCall[] = [];
  const health = new HealthImplementation({ [SERVICE]: "SERVING" });
  let link: SocketLink | undefined;
  const upstream: FaultUpstream = {
    options: { name: "fault", address: `unix:${front}`, descriptors: faultDescriptors(), ...options },
    calls,
    health,
    act,
    kill() {
      link?.cut();
      link = undefined;
    },
    freeze() {
      link?.freeze();
    },
    thaw() {
      link?.thaw();
    },
    async restart() {
      link = await SocketLink.open(front, back);
    },
    async [Symbol.asyncDispose]() {
      upstream.kill();
      server.forceShutdown();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const take = (call: FaultCall): void => {
    calls.push(call);
    upstream.act(call);
  };
  const unary =
    (method: FaultCall["method"]) =>
    (
      call: ServerUnaryCall<Buffer, Uint8Array>,
      answer: (error: Partial<ServiceError> | null, reply?: Uint8Array) => void,
    ) => {
      take({
        ...commonOf(method, call),
        isCancelled: () => call.cancelled,
        send: (reply) => answer(null, typeof reply === "string" ? encoded(reply) : reply),
        progress: () => {},
        end: () => {},
        fail: (error) => answer(error),
      });
    };
  const streamed = (method: FaultCall["method"]) => (call: ServerWritableStream<Buffer, Uint8Array>) => {
    call.on("error", () => {});
    take({
      ...commonOf(method, call),
      isCancelled: () => call.cancelled,
      send: (reply) => void call.write(typeof reply === "string" ? encoded(reply) : reply),
      progress: (completed, total) => void call.write(encodedProgress(completed, total)),
      end: () => call.end(),
      fail: (error) => void call.emit("error", error),
    });
  };
  const server = new Server({ "grpc.max_send_message_length": -1 });
  health.addToServer(server);
  const methods = { Act: unary("Act"), Look: unary("Look"), Work: unary("Work"), Flow: streamed("Flow") };
  server.addService(definition(), methods);
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${back}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  await upstream.restart();
  return upstream;
}

/** A unix socket that leads to another one, and can be cut as by the death of the process behind it. */
class SocketLink {
  readonly #path: string;
  readonly #listener: NetServer;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, to: string) {
    this.#path = path;
    this.#listener = createServer((socket) => {
      const behind = connect({ path: to });
      socket.pipe(behind).pipe(socket);
      for (const each of [socket, behind]) {
        this.#sockets.add(each);
        each.on("error", () => {});
        each.once("close", () => this.#sockets.delete(each));
      }
    });
  }

  static async open(path: string, to: string): Promise<SocketLink> {
    const link = new SocketLink(path, to);
    link.#listener.listen(path);
    await once(link.#listener, "listening");
    return link;
  }

  freeze(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  thaw(): void {
    for (const socket of this.#sockets) socket.resume();
  }

  cut(): void {
    this.#listener.close();
    rmSync(this.#path, { force: true });
    for (const socket of this.#sockets) socket.destroy();
  }
}

function commonOf(
  method: FaultCall["method"],
  call: ServerUnaryCall<Buffer, Uint8Array> | ServerWritableStream<Buffer, Uint8Array>,
) {
  const { request, metadata } = call;
  return { method, what: textAt(request, 1), bytes: request, metadata, deadlineMs: Number(call.getDeadline()) };
}

function definition() {
  const raw = (bytes: Buffer): Buffer => bytes;
  const codec = {
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
    responseDeserialize: raw,
  };
  const method = (name: string, responseStream: boolean) => [
    name,
    { path: `/${SERVICE}/${name}`, requestStream: false, responseStream, ...codec },
  ];
  return Object.fromEntries([method("Act", false), method("Look", false), method("Work", false), method("Flow", true)]);
}

/** The encoding of a FaultResponse with a text. */
export function encoded(text: string): Uint8Array {
  return new BinaryWriter().uint32(18).string(text).finish();
}

function encodedProgress(completed: number, total: number): Uint8Array {
  const progress = JobProgress.encode({ completed: BigInt(completed), total: BigInt(total), message: "" }).finish();
  return new BinaryWriter().uint32(10).bytes(progress).finish();
}

/** The text in a field of a message. */
export function textAt(bytes: Uint8Array, field: number): string {
  const reader = new BinaryReader(bytes);
  let text = "";
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field) text = reader.string();
    else reader.skip(type, number);
  }
  return text;
}
