import type { handleUnaryCall } from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import type { CallRunner } from "./call-runner.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** Serves ToolService.Call: hands the verified call to its tool and sends the signed answer. Never throws. */
export function createCallHandler(runner: CallRunner): handleUnaryCall<VerifiedCall, Buffer> {
  return (unary, respond) => {
    const call = unary.request;
    const running = runner.run(call, (outcome) => {
      if (outcome instanceof SealwireError) respond(call.refuse(outcome, 0));
      else respond(null, outcome);
    });
    unary.on("cancelled", () => running.cancel());
  };
}
