import { status } from "@grpc/grpc-js";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { ok, type Received, startPeer, type UnaryReply } from "../client/peers/signed-peer.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { testArgs, testService } from "../support/test-service.ts";
import { infoOf, NativeClient } from "./native-client.ts";
import { startProxy } from "./running-proxy.ts";

/* What a native caller gets if no verified answer arrives, or if it is open whether a call had an effect. */
const test = suite("proxy/outcomes");

const SUM = "sealwire.demo.v1.DemoToolService/BatchSum";
const LONG_TASK = "sealwire.demo.v1.DemoToolService/StartLongTask";
const ONE = BatchSumRequest.encode({ numbers: [1] }).finish();
/** The service config of a stub that repeats every call that ends with UNAVAILABLE. */
const REPEATING = {
  methodConfig: [
    {
      name: [{ service: "test.v1.TestService" }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.01s",
        maxBackoff: "0.1s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
};
const QUICKLY = { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 1, unreachableForMs: 0 };

/** The contract as a real server signs it. */
async function realContract(): Promise<ListToolsResponse> {
  await using server = await startServer();
  return await server.client().listTools({ includeDescriptors: true });
}

/** A proxy before a peer that answers list_tools honestly and every other call as `reply` says. */
async function beforePeer(reply: (received: Received, honest: Buffer) => UnaryReply) {
  const contract = await realContract();
  const value = ListToolsResponse.encode(contract).finish();
  const peer = await startPeer({
    call(received) {
      const honest = ok(peer.credentials, received, {
        typeUrl: "type.googleapis.com/sealwire.system.v1.ListToolsResponse",
        value,
      });
      return received.envelope.tool === "list_tools" ? honest : reply(received, honest);
    },
  });
  const proxy = await startProxy(client({ credentials: peer.credentials }));
  return {
    ...proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await peer[Symbol.asyncDispose]();
    },
  };
}

function client(options: ClientOptions): SealwireClient {
  return new SealwireClient({ pipeline: false, retry: QUICKLY, ...options });
}

/** A proxy that reaches a server with a tool of side effects over a link that can be cut. */
async function overLink(hold: () => Promise<void> = async () => {}) {
  let runs = 0;
  const run = async (): Promise<number> => {
    runs += 1;
    const result = runs;
    await hold();
    return result;
  };
  const { tools, descriptors } = testService({ Count: { run }, Work: { job: {}, run } });
  const server = await startServer({ tools: [tools], descriptors: [descriptors] });
  const link = await TcpLink.to(Number(server.address.split(":")[1]));
  const credentials = { ...server.credentials(), address: `127.0.0.1:${link.port}` };
  const proxy = await startProxy(client({ credentials }));
  return {
    ...proxy,
    server,
    link,
    runs: () => runs,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("an answer that was changed on the way is DATA_LOSS, with a reason of its own", async () => {
  const changed = (honest: Buffer): Buffer => {
    const bytes = Buffer.from(honest);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    return bytes;
  };
  await using on = await beforePeer((_received, honest) => changed(honest));
  for (const method of [SUM, LONG_TASK]) {
    const answer = await on.native.call(method, ONE, { metadata: { "sealwire-request-id": "r-1" } });
    assert.is(answer.code, status.DATA_LOSS);
    assert.equal([infoOf(answer).reason, infoOf(answer).metadata.request_id], ["RESPONSE_UNVERIFIED", "r-1"]);
  }
});

test("a signed answer of another type is INTERNAL, with a reason of its own", async () => {
  await using on = await beforePeer((_received, honest) => honest);
  const answer = await on.native.call(SUM, ONE);
  assert.equal([answer.code, infoOf(answer).reason], [status.INTERNAL, "RESPONSE_INVALID"]);
});

test("lost calls: one without side effects is UNAVAILABLE, a job start is UNKNOWN and names its request", async () => {
  await using on = await beforePeer(() => ({ code: status.UNAVAILABLE, details: "gone" }));
  const sum = await on.native.call(SUM, ONE);
  assert.equal([sum.code, infoOf(sum).reason], [status.UNAVAILABLE, "UNREACHABLE"]);
  const task = StartLongTaskRequest.encode({ seconds: 1, payload: {} }).finish();
  const started = await on.native.call(LONG_TASK, task, { metadata: { "sealwire-request-id": "r-1" } });
  const { reason, metadata } = infoOf(started);
  assert.equal([started.code, reason, metadata.request_id], [status.UNKNOWN, "OUTCOME_UNKNOWN", "r-1"]);
  assert.match(started.details, "repeat the call with the metadata sealwire-request-id: r-1");
});

test("what anybody can say is no proof that a job was not started", async () => {
  await using on = await beforePeer(() => ({ code: status.UNAVAILABLE, details: "Stream refused by server" }));
  const task = StartLongTaskRequest.encode({ seconds: 1, payload: {} }).finish();
  assert.is((await on.native.call(LONG_TASK, task)).code, status.UNKNOWN);
});

test("a call that no server could be sent is UNAVAILABLE, whatever the tool", async () => {
  await using on = await overLink();
  assert.is((await on.native.call("test.v1.TestService/Count", testArgs(1))).code, status.OK);
  on.link.cut();
  for (const method of ["Count", "Work"]) {
    const answer = await on.native.call(`test.v1.TestService/${method}`, testArgs(1));
    assert.equal([answer.code, infoOf(answer).reason], [status.UNAVAILABLE, "UNREACHABLE"], method);
  }
  assert.is(on.runs(), 1);
});

test("before the first contract, a server that cannot be reached is UNAVAILABLE", async () => {
  await using on = await overLink();
  on.link.cut();
  assert.is((await on.native.call("test.v1.TestService/Never", testArgs(1))).code, status.UNAVAILABLE);
});

test("refused credentials are UNAUTHENTICATED", async () => {
  await using server = await startServer();
  const credentials = { ...server.credentials(), keyId: "k_unknown" };
  await using proxy = await startProxy(client({ credentials }));
  const answer = await proxy.native.call(SUM, ONE);
  assert.equal([answer.code, infoOf(answer).reason], [status.UNAUTHENTICATED, "CREDENTIALS_REFUSED"]);
});

test("a stub that repeats UNAVAILABLE has one effect over a link that breaks in mid-call", async () => {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using on = await overLink(async () => {
    begun.resolve();
    await released.promise;
  });
  using stub = new NativeClient(on.proxy.address, { "grpc.service_config": JSON.stringify(REPEATING) });
  const called = stub.call("test.v1.TestService/Count", testArgs(1));
  await begun.promise;
  on.link.breakConnections();
  released.resolve();
  const { code, messages } = await called;
  assert.equal([code, BatchSumResponse.decode(messages[0] ?? Buffer.alloc(0)).total], [status.OK, 1]);
  assert.is(on.runs(), 1);
});

test("a stub that repeats UNAVAILABLE is not made to repeat a call whose server is lost for good", async () => {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using on = await overLink(async () => {
    begun.resolve();
    await released.promise;
  });
  using stub = new NativeClient(on.proxy.address, { "grpc.service_config": JSON.stringify(REPEATING) });
  const called = stub.call("test.v1.TestService/Count", testArgs(1));
  await begun.promise;
  on.link.cut();
  const answer = await called;
  assert.equal([answer.code, infoOf(answer).reason], [status.UNKNOWN, "OUTCOME_UNKNOWN"]);
  released.resolve();
  assert.is(on.runs(), 1);
});

test.run();
