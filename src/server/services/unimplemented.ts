import type { ServiceDefinition as GrpcServiceDefinition, Server } from "@grpc/grpc-js";
import type { ServiceDefinition } from "../../tools/implement.ts";
import { rawCodec } from "../grpc/raw-codec.ts";

/**
 * Makes the tools' own gRPC paths known to the server, so that calling one natively reaches the interceptor, which
 * answers UNIMPLEMENTED and says where tools are called. No handler ever runs.
 */
export function addUnimplemented(server: Server, definition: ServiceDefinition): void {
  const methods = Object.values(definition.methods).map(({ name, requestStream, responseStream }) => [
    name,
    { path: `/${definition.fullName}/${name}`, requestStream, responseStream, ...rawCodec },
  ]);
  server.addService(Object.fromEntries(methods) as GrpcServiceDefinition, {});
}
