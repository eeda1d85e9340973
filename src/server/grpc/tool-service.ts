import type { Server, ServerInterceptor, ServiceDefinition } from "@grpc/grpc-js";
import { ToolServiceService } from "../../../gen/sealwire/v1/tool_service.ts";
import { SealwireError } from "../../errors.ts";
import { rawCodec } from "./raw-codec.ts";

const unreached = (): void => {};
/** Handlers of ToolService, which are never called because the interceptor serves its calls. */
export const servedByInterceptor = { call: unreached, callStream: unreached, watchJob: unreached };

/** ToolService with identity codecs, so that exactly the received bytes are verified and the signed bytes are sent. */
export const toolServiceDefinition: ServiceDefinition = {
  call: { ...ToolServiceService.call, ...rawCodec },
  callStream: { ...ToolServiceService.callStream, ...rawCodec },
  watchJob: { ...ToolServiceService.watchJob, ...rawCodec },
};

/**
 * Throws OPTIONS_INVALID unless the interceptor is the first of the server's interceptors. Reads a private field of
 * grpc-js; does nothing if the field is missing.
 */
export function checkInstalled(server: Server, interceptor: ServerInterceptor): void {
  const { interceptors } = server as unknown as { readonly interceptors?: readonly ServerInterceptor[] };
  if (!Array.isArray(interceptors) || interceptors[0] === interceptor) return;
  const problem = interceptors.includes(interceptor)
    ? "The service's interceptor must be the first of the server's interceptors; put the others after it."
    : "The server was made without the service's interceptor; make it with new Server({ ...service.serverOptions, interceptors: [service.interceptor] }).";
  throw new SealwireError("OPTIONS_INVALID", problem);
}
