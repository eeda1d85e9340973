import {
  type ChannelCredentials,
  type Client,
  credentials as grpcCredentials,
  type Interceptor,
  type ClientOptions as StubOptions,
} from "@grpc/grpc-js";
import type { ResolvedClientOptions } from "../options.ts";

/** A generated client class of grpc-js. */
export type StubClass<S extends Client> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<StubOptions>,
) => S;

/** Creates a stub. Its own channel, to the first server, is for the methods that the interceptor passes through. */
export function createStub<S extends Client>(
  Stub: StubClass<S>,
  { addresses: [first], tls }: Pick<ResolvedClientOptions, "addresses" | "tls">,
  interceptor: Interceptor,
): S {
  const target = first?.kind === "target" ? first.target : `dns:///${first?.host}:${first?.port}`;
  const channelCredentials =
    tls === undefined ? grpcCredentials.createInsecure() : grpcCredentials.createFromSecureContext(tls.context);
  return new Stub(target, channelCredentials, {
    interceptors: [interceptor],
    ...(tls?.serverName !== undefined && { "grpc.ssl_target_name_override": tls.serverName }),
  });
}
