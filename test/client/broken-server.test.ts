import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { SealwireClient } from "../../src/client/client.ts";
import { framed } from "../support/http-call.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { sumArgs } from "./peers/numbers.ts";
import { makeCredentials } from "./peers/signed-peer.ts";

/* Servers that speak gRPC badly. */
const test = suite("client/broken-server");

const HEADERS = { ":status": 200, "content-type": "application/grpc" };

async function startBroken(answer: (stream: ServerHttp2Stream) => void) {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.resume();
    answer(stream);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => void server.close(),
  };
}

test("an answer that is compressed in a way that it does not state fails the call, and nothing else", async () => {
  const strays: unknown[] = [];
  const onStray = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", onStray);
  for (const encoding of ["identity", "br"]) {
    using server = await startBroken((stream) => {
      stream.respond({ ...HEADERS, "grpc-encoding": encoding });
      const message = framed(Buffer.from("a"));
      message[0] = 1;
      stream.end(message);
    });
    for (const pipeline of [false, true]) {
      await using client = new SealwireClient({
        credentials: makeCredentials(server.address),
        pipeline,
        retry: { maxAttempts: 1 },
      });
      await rejection("RESPONSE_UNVERIFIED", client.call("batch_sum", sumArgs, { timeoutMs: 5_000 }));
      await rejection("RESPONSE_UNVERIFIED", client.health());
      client.close();
    }
  }
  process.off("unhandledRejection", onStray);
  assert.equal(strays, []);
});

test("an answer of the health service that cannot be decoded is an error of the client's own", async () => {
  using server = await startBroken((stream) => {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed(Buffer.of(8)));
  });
  await using client = new SealwireClient({ credentials: makeCredentials(server.address) });
  await rejection("RESPONSE_UNVERIFIED", client.health());
});

test.run();
