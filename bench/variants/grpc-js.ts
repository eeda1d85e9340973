import { promisify } from "node:util";
import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import type { CallRequest, CallResponse } from "../../gen/sealwire/v1/frame.ts";
import { ToolServiceService } from "../../gen/sealwire/v1/tool_service.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { Http2Load } from "../load/http2-load.ts";
import { plainRequestBytes, plainResponse } from "./plain-frames.ts";
import type { Variant } from "./variant.ts";
import { batchSum, MANY_CONNECTIONS, RESULT } from "./work.ts";

const call: handleUnaryCall<CallRequest, CallResponse> = ({ request }, respond) => {
  const { numbers } = BatchSumRequest.decode(request.envelope?.args?.value ?? new Uint8Array());
  const result = BatchSumResponse.encode(batchSum(numbers)).finish();
  respond(null, plainResponse(request.envelope?.requestId ?? "", result));
};

/** The baseline: grpc-js with our stubs and messages, without signatures and checks. */
export const grpcJs = grpcJsOver(1);

/** The same over this many connections, which the callers use in turn. */
export const grpcJsOverMany = grpcJsOver(MANY_CONNECTIONS);

function grpcJsOver(connections: number): Variant<string> {
  return {
    title: "grpc-js, unsigned",

    async serve() {
      // As Sealwire sets it.
      const server = new Server({ "grpc.enable_channelz": 0 });
      server.addService({ call: ToolServiceService.call }, { call });
      const bind = promisify(server.bindAsync.bind(server));
      const port = await bind("127.0.0.1:0", ServerCredentials.createInsecure());
      return { target: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => server.forceShutdown() };
    },

    connect: (address) =>
      Http2Load.connect({ address, path: CALL_METHOD, makeMessage: plainRequestBytes, expected: RESULT, connections }),
  };
}
