import { promisify } from "node:util";
import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import type { CallRequest, CallResponse } from "../../gen/sealwire/v1/frame.ts";
import { ToolServiceService } from "../../gen/sealwire/v1/tool_service.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { Http2Load } from "../load/http2-load.ts";
import { plainRequestBytes, plainResponse } from "./plain-frames.ts";
import type { Variant } from "./variant.ts";
import { batchSum, RESULT } from "./work.ts";

const call: handleUnaryCall<CallRequest, CallResponse> = ({ request }, respond) => {
  const { numbers } = BatchSumRequest.decode(request.envelope?.args?.value ?? new Uint8Array());
  const result = BatchSumResponse.encode(batchSum(numbers)).finish();
  respond(null, plainResponse(request.envelope?.requestId ?? "", result));
};

/** The baseline: grpc-js with our stubs and messages, without signatures and checks. */
export const grpcJs: Variant<string> = {
  title: "grpc-js, unsigned",

  async serve() {
    const server = new Server();
    server.addService({ call: ToolServiceService.call }, { call });
    const bind = promisify(server.bindAsync.bind(server));
    const port = await bind("127.0.0.1:0", ServerCredentials.createInsecure());
    return { target: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => server.forceShutdown() };
  },

  connect: (address) =>
    Http2Load.connect({ address, path: CALL_METHOD, makeMessage: plainRequestBytes, expected: RESULT }),
};
