import { constants, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { SealwireClient } from "../../src/client/client.ts";
import { assert, suite } from "../support/suite.ts";
import { sumArgs } from "./peers/numbers.ts";
import { makeCredentials } from "./peers/signed-peer.ts";
import { thrownBy } from "./peers/thrown.ts";

const tests = suite("client/lost-connection");

/** True while the client under test sends its calls over one stream. */
let pipeline = false;

/** Everything holds with a request per call and with a pipeline. */
function test(name: string, body: () => unknown): void {
  for (const isPipelined of [false, true]) {
    tests(isPipelined ? `${name}, over one stream` : name, () => {
      pipeline = isPipelined;
      return body();
    });
  }
}

/** An HTTP/2 server that treats each stream as told; gives the address and how many streams came. */
async function withServer(
  treat: (stream: ServerHttp2Stream) => void,
  body: (client: SealwireClient, streams: () => number) => Promise<void>,
): Promise<void> {
  let streams = 0;
  const sockets = new Set<Socket>();
  const server: Http2Server = createServer();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("sessionError", () => {});
  server.on("stream", (stream) => {
    streams += 1;
    stream.on("error", () => {});
    treat(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const credentials = makeCredentials(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await using client = new SealwireClient({
      credentials,
      pipeline,
      retry: { maxAttempts: 3, initialDelayMs: 1, maxDelayMs: 4 },
    });
    await body(client, () => streams);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Ways to lose a call below gRPC. All are tried again and end unverified, with the status that grpc-js makes of them. */
const losses: [string, (stream: ServerHttp2Stream) => void, string][] = [
  ["RST_STREAM INTERNAL_ERROR", (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), "INTERNAL"],
  ["RST_STREAM REFUSED_STREAM", (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM), "UNAVAILABLE"],
  ["RST_STREAM ENHANCE_YOUR_CALM", (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM), "RESOURCE_EXHAUSTED"],
  ["RST_STREAM CANCEL", (stream) => stream.close(constants.NGHTTP2_CANCEL), "CANCELLED"],
  ["a connection that breaks", (stream) => stream.session?.destroy(), "UNAVAILABLE"],
  ["a gateway's 503", (stream) => stream.respond({ ":status": 503 }, { endStream: true }), "UNAVAILABLE"],
];

for (const [name, lose, status] of losses) {
  test(`${name} is retried under a fresh signature, then unverified`, async () => {
    await withServer(lose, async (client, streams) => {
      const error = await thrownBy(() => client.call("batch_sum", sumArgs));
      assert.is(error.status, status, error.message);
      assert.is(error.reason, status === "UNAVAILABLE" ? "UNREACHABLE" : "RESPONSE_UNVERIFIED");
      assert.is(streams(), 3);
    });
  });
}

/** What another attempt does not cure. */
const refusals: [string, number, string][] = [
  ["401", 401, "CREDENTIALS_REFUSED"],
  ["403", 403, "RESPONSE_UNVERIFIED"],
  ["404", 404, "RESPONSE_UNVERIFIED"],
];

for (const [name, code, reason] of refusals) {
  test(`a gateway's ${name} is not retried`, async () => {
    await withServer(
      (stream) => {
        stream.respond({ ":status": code });
        stream.end("no");
      },
      async (client, streams) => {
        assert.is((await thrownBy(() => client.call("batch_sum", sumArgs))).reason, reason);
        assert.is(streams(), 1);
      },
    );
  });
}

test("gRPC OK without any message is unverified or no answer", async () => {
  await withServer(
    (stream) =>
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "0" }, { endStream: true }),
    async (client) => {
      const { reason } = await thrownBy(() => client.call("batch_sum", sumArgs));
      // A stream may end before a call is answered; a call by itself has nothing else to bring.
      assert.is(reason, pipeline ? "UNREACHABLE" : "RESPONSE_UNVERIFIED");
    },
  );
});

test("a watch survives reset streams", async () => {
  await withServer(
    (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    async (client, streams) => {
      const error = await thrownBy(() => client.job("job-1").result());
      assert.is(error.status, "RESOURCE_EXHAUSTED");
      assert.is(streams(), 3);
    },
  );
});

tests.run();
