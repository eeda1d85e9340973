import { promisify } from "node:util";
import { type handleUnaryCall, Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { implement } from "../../src/tools/implement.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { Http2Load } from "../load/http2-load.ts";
import { ECHO_SERVICE, ECHOED_TYPES, echoDescriptors, SIZES } from "./echoed-messages.ts";
import { type SealwireTarget, sealwire } from "./sealwire.ts";
import type { SizeName } from "./size-names.ts";
import type { Variant } from "./variant.ts";

/* Servers that give a message back as it came: what its size costs. */

const echo: handleUnaryCall<object, object> = ({ request }, respond) => respond(null, request);

/** grpc-js with nothing but the messages: no frame around them, no signature, no check. */
export function grpcJsEcho(size: SizeName): Variant<string> {
  return {
    title: "grpc-js, unsigned",

    async serve() {
      // As its documentation has it for throughput: no channelz.
      const server = new Server({ "grpc.enable_channelz": 0 });
      const methods = Object.keys(ECHOED_TYPES);
      server.addService(grpcService(), Object.fromEntries(methods.map((name) => [name, echo])));
      const bind = promisify(server.bindAsync.bind(server));
      const port = await bind("127.0.0.1:0", ServerCredentials.createInsecure());
      return { target: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => server.forceShutdown() };
    },

    connect(address) {
      const { method, bytes } = SIZES[size];
      const message = bytes();
      return Http2Load.connect({ address, path: pathOf(method), makeMessage: () => message, expected: message });
    },
  };
}

/** Sealwire on SQLite with the same service as tools. */
export function sealwireEcho(size: SizeName): Variant<SealwireTarget> {
  const { method, bytes } = SIZES[size];
  const value = bytes();
  return sealwire({
    title: "Sealwire on SQLite",
    options: () => ({ tools: [implement(ECHO_SERVICE, handlers())], descriptors: [echoDescriptors()] }),
    call: {
      tool: method.replace(/\B[A-Z]/g, "_$&").toLowerCase(),
      args: { typeUrl: TYPE_URL_PREFIX + ECHOED_TYPES[method], value },
      expected: value,
    },
  });
}

function handlers(): Record<string, (input: object) => Promise<object>> {
  return Object.fromEntries(Object.keys(ECHOED_TYPES).map((name) => [name, async (input) => input]));
}

function pathOf(method: string): string {
  return `/${ECHO_SERVICE.fullName}/${method}`;
}

function grpcService(): ServiceDefinition {
  const entries = Object.entries(ECHO_SERVICE.methods).map(([name, { requestType, responseType }]) => {
    const serialize = (message: object): Buffer => Buffer.from(responseType.encode(message).finish());
    const deserialize = (bytes: Buffer): object => requestType.decode(bytes) as object;
    const codec = {
      requestSerialize: serialize,
      requestDeserialize: deserialize,
      responseSerialize: serialize,
      responseDeserialize: deserialize,
    };
    return [name, { path: pathOf(name), requestStream: false, responseStream: false, ...codec }];
  });
  return Object.fromEntries(entries);
}
