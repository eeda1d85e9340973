import { credentials as channelCredentials } from "@grpc/grpc-js";
import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { ToolServiceClient } from "../../gen/sealwire/v1/tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import { ClientLoad } from "../load/client-load.ts";
import { grpcJs } from "./grpc-js.ts";
import { plainRequest } from "./plain-frames.ts";
import type { SealwireTarget } from "./sealwire.ts";
import { sealwireOn } from "./sealwire-stores.ts";
import type { Variant } from "./variant.ts";
import { NUMBERS } from "./work.ts";

function check({ total }: { readonly total: number }): void {
  if (total !== 6.5) throw new Error(`the total is ${total}`);
}

/** A generated client on grpc-js that decodes answers without verification. */
export const grpcJsClient: Variant<string> = {
  title: "grpc-js client, unsigned",
  serve: grpcJs.serve,

  async connect(address) {
    const client = new ToolServiceClient(address, channelCredentials.createInsecure());
    const call = (): Promise<void> =>
      new Promise((resolve, reject) => {
        client.call(plainRequest(), (error, answer) => {
          if (error !== null) return reject(error);
          check(BatchSumResponse.decode(answer.response?.result?.value ?? new Uint8Array()));
          resolve();
        });
      });
    return new ClientLoad(call, () => client.close());
  },
};

/** The client of the product: signs, verifies, and is ready to retry. `pipeline`: how it sends. */
export function sealwireClient(
  title: string,
  pipeline: NonNullable<ClientOptions["pipeline"]>,
): Variant<SealwireTarget> {
  return {
    title,
    serve: () => sealwireOn("memory").serve(),

    async connect({ credentials }) {
      const client = new SealwireClient({ credentials: parseCredentials(Buffer.from(credentials)), pipeline });
      const tools = client.tools(DemoToolServiceDefinition);
      return new ClientLoad(
        async () => check(await tools.batchSum({ numbers: NUMBERS })),
        () => client.close(),
      );
    },
  };
}
