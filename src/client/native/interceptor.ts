import { InterceptingCall, type Interceptor } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";
import type { FetchTools } from "../contracts/contract-source.ts";
import { readIntent } from "./call-metadata.ts";
import { ContractCache } from "./contract-cache.ts";
import { failureBefore } from "./native-status.ts";
import { StubCall } from "./stub-call.ts";
import { ToolCalls, type ToolClient } from "./tool-calls.ts";

/** Options of {@link signingInterceptor}. */
export interface InterceptorOptions {
  readonly client: ToolClient;
  /** Fetches the tools with their descriptors. */
  readonly fetch: FetchTools;
  /** Maximum time until a call is answered or its job accepted. A call's own deadline may be shorter. */
  readonly timeoutMs: number;
  /** Ends the watches of system tools when it aborts. */
  readonly closed: AbortSignal;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** Methods that are sent as they are: they are no tools, and need no signature. */
const UNSIGNED = /^\/(?:sealwire\.v1|grpc\.health\.v1|grpc\.reflection\.v1|grpc\.reflection\.v1alpha)\./;

/** Creates the interceptor of stubs whose calls are signed (docs/clients.md). */
export function signingInterceptor(options: InterceptorOptions): Interceptor {
  const { client, fetch, timeoutMs, closed: drainSignal, logger, clock, random } = options;
  const contracts = new ContractCache({ fetch, clock, logger });
  const toolCalls = new ToolCalls({ client, timeoutMs, drainSignal, logger, clock });
  const serve = async (call: StubCall, args: Buffer): Promise<void> => {
    try {
      const intent = readIntent(call.metadata, random);
      const method = await contracts.find(call.path, call.signal);
      await toolCalls.serve({ call, method, intent, args });
    } catch (thrown) {
      call.fail(failureBefore(SealwireError.from(thrown)));
    }
  };
  return (callOptions, nextCall) => {
    const { path } = callOptions.method_definition;
    if (UNSIGNED.test(path)) return new InterceptingCall(nextCall(callOptions));
    return new InterceptingCall(new StubCall(callOptions, (call, args) => void serve(call, args)));
  };
}
