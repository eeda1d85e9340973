import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials as channelCredentials } from "@grpc/grpc-js";
import { DemoToolServiceClient } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import { builtinDescriptorSet } from "../../src/wire/descriptors.ts";
import { ClientLoad } from "../load/client-load.ts";
import { pickCores } from "../process/cores.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import type { PlainUpstreamQuestions } from "../process/plain-upstream-process.ts";
import { PLAIN_SERVICE, startPlainUpstream } from "./plain-upstream.ts";
import { type SealwireTarget, sealwire } from "./sealwire.ts";
import type { Variant } from "./variant.ts";
import { NUMBERS } from "./work.ts";

const LOOK_MS = 20;

/** `batch_sum` of an upstream, which is a process of its own on the load's core. */
export const sealwireForwarded: Variant<SealwireTarget> = {
  ...forwarding(),
  async serve() {
    const served = await forwarding().serve();
    await untilServing(served.target);
    return served;
  },
};

/** A plain grpc-js client of the same upstream, without Sealwire. The load's own CPU time is the figure. */
export const plainCaller: Variant<string> = {
  title: "plain grpc-js client",
  serve: startPlainUpstream,

  async connect(address) {
    const client = new DemoToolServiceClient(address, channelCredentials.createInsecure());
    const call = (): Promise<void> =>
      new Promise((resolve, reject) => {
        client.batchSum({ numbers: NUMBERS }, (error, { total } = { count: 0, total: 0 }) => {
          if (error === null && total === 6.5) resolve();
          else reject(error ?? new Error(`the total is ${total}`));
        });
      });
    return new ClientLoad(call, () => client.close());
  },
};

function forwarding(): Variant<SealwireTarget> {
  return sealwire({
    title: "forwarded by Sealwire",
    options: async () => {
      const file = join(import.meta.dirname, "..", "process", "plain-upstream-process.ts");
      // It ends with this process.
      const upstream = new PinnedProcess<PlainUpstreamQuestions>({ file, cores: pickCores().load });
      const address = await upstream.ask("serve", undefined as never);
      return {
        tools: [],
        upstreams: [{ name: "plain", address, descriptors: builtinDescriptorSet(), services: [PLAIN_SERVICE] }],
      };
    },
  });
}

/** Waits until the server has found its upstream. */
export async function untilServing({ address, credentials }: SealwireTarget): Promise<void> {
  await using client = new SealwireClient({ credentials: parseCredentials(Buffer.from(credentials)), address });
  while ((await client.health(PLAIN_SERVICE)) !== "SERVING") await sleep(LOOK_MS);
}
