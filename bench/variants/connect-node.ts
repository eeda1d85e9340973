import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { builtinImage } from "../../src/wire/descriptors.ts";
import { Http2Load } from "../load/http2-load.ts";
import type { Variant } from "./variant.ts";
import { ARGS, batchSum, RESULT } from "./work.ts";

const SERVICE = "sealwire.demo.v1.DemoToolService";

/** Connect for Node, which serves the demo service itself over gRPC: small, unsigned messages. */
export const connectNode: Variant<string> = {
  title: "connect-node, unsigned",

  async serve() {
    const service = builtinImage().registry.getService(SERVICE);
    const method = service?.method.batchSum as DescMethodUnary | undefined;
    if (method === undefined) throw new Error(`${SERVICE}.BatchSum is not in the descriptors`);
    const handler = connectNodeAdapter({
      routes: (router) =>
        void router.rpc(method, (request) => batchSum((request as unknown as { numbers: number[] }).numbers)),
      connect: false,
      grpcWeb: false,
    });
    const server = createServer(handler);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { target: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() };
  },

  connect: (address) =>
    Http2Load.connect({ address, path: `/${SERVICE}/BatchSum`, makeMessage: () => ARGS, expected: RESULT }),
};
