import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type DemoToolServiceServer, DemoToolServiceService } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import type { Served } from "./variant.ts";
import { batchSum } from "./work.ts";

/** Full name of the service of {@link startPlainUpstream}. */
export const PLAIN_SERVICE = "sealwire.demo.v1.DemoToolService";

/** Starts a plain grpc-js server for `batch_sum`, on a unix socket. Resolves to its address. */
export async function startPlainUpstream(): Promise<Served & { readonly target: string }> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
  const server = new Server({ "grpc.enable_channelz": 0 });
  new HealthImplementation({ [PLAIN_SERVICE]: "SERVING", "": "SERVING" }).addToServer(server);
  const handlers: DemoToolServiceServer = {
    batchSum: ({ request }, respond) => respond(null, batchSum(request.numbers)),
    startLongTask: (_, respond) => respond({ code: status.UNIMPLEMENTED }),
  };
  server.addService(DemoToolServiceService, handlers);
  const target = `unix:${join(folder, "tools.sock")}`;
  await promisify(server.bindAsync.bind(server))(target, ServerCredentials.createInsecure());
  return {
    target,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
