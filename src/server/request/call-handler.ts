import { SealwireError } from "../../errors.ts";
import type { CallHandler } from "../grpc/unary-call.ts";
import type { CallRunner } from "./execution.ts";

/** Serves ToolService.Call: hands the verified call to its tool and sends the signed answer. */
export function createCallHandler(runner: CallRunner): CallHandler {
  return (call, reply) =>
    runner.run(call, (outcome) => {
      if (outcome instanceof SealwireError) reply.refuse(outcome, 0);
      else reply.send(outcome, () => reply.end());
    });
}
