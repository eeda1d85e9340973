import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { CallResponse } from "../../gen/sealwire/v1/frame.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { grpcBody, Http2Load } from "../load/http2-load.ts";
import { plainRequestBytes, plainResponse } from "./plain-frames.ts";
import type { Variant } from "./variant.ts";
import { RESULT } from "./work.ts";

/** The lower bound: node:http2 only, which answers every request with the same bytes. */
export const http2Echo: Variant<string> = {
  title: "node:http2, the same bytes for everyone",

  async serve() {
    const frame = CallResponse.encode(plainResponse("0b5e7f3c-7c0f-4e0e-9a55-3d1f6f1c2a10", RESULT)).finish();
    const answer = grpcBody(frame);
    const server = createServer();
    server.on("stream", (stream) => {
      stream.resume();
      stream.on("end", () => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(answer);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { target: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() };
  },

  connect: (address) =>
    Http2Load.connect({ address, path: CALL_METHOD, makeMessage: plainRequestBytes, expected: RESULT }),
};
