import type { ServiceDefinition as GrpcServiceDefinition, Server } from "@grpc/grpc-js";
import { rawCodec } from "../grpc/raw-codec.ts";

/**
 * Registers the tools' own gRPC paths with the server. A native call of a tool then reaches the interceptor, which
 * answers UNIMPLEMENTED with a hint how to call tools. No handler is ever called.
 */
export function addUnimplemented(server: Server, service: string, methods: readonly string[]): void {
  const stream = { requestStream: true, responseStream: true };
  const paths = methods.map((name) => [name, { path: `/${service}/${name}`, ...stream, ...rawCodec }]);
  server.addService(Object.fromEntries(paths) as GrpcServiceDefinition, {});
}
