import type { ServiceDefinition as GrpcServiceDefinition, Server } from "@grpc/grpc-js";
import type { ServiceDefinition } from "../../tools/implement.ts";
import { rawCodec } from "../grpc/raw-codec.ts";

/**
 * Registers the tools' own gRPC paths with the server. A native call of a tool then reaches the interceptor, which
 * answers UNIMPLEMENTED with a hint how to call tools. No handler is ever called.
 */
export function addUnimplemented(server: Server, definition: ServiceDefinition): void {
  const methods = Object.values(definition.methods).map(({ name, requestStream, responseStream }) => [
    name,
    { path: `/${definition.fullName}/${name}`, requestStream, responseStream, ...rawCodec },
  ]);
  server.addService(Object.fromEntries(methods) as GrpcServiceDefinition, {});
}
