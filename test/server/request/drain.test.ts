import { Client, credentials } from "@grpc/grpc-js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthClient,
} from "../../../gen/grpc/health/v1/health.ts";
import { BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";
import { eventually } from "../../support/eventually.ts";
import { RawClient, type RawRequest } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../../support/test-service.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

const test = suite("server/request/drain");

test("while it drains, health says NOT_SERVING, new calls are refused, and open ones finish", async () => {
  const gate = Promise.withResolvers<number>();
  const running = Promise.withResolvers<void>();
  const { tools, descriptors } = testService({
    Hold: {
      idempotent: true,
      run: () => {
        running.resolve();
        return gate.promise;
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  assert.is(await health(server.address), HealthCheckResponse_ServingStatus.SERVING);
  const held = client.call({ tool: "hold", type: TEST_INPUT, value: testArgs(1) });
  await running.promise;
  const drained = server.server.drain();
  assert.is(await health(server.address), HealthCheckResponse_ServingStatus.NOT_SERVING);
  assert.is((await client.call(IDENTITY)).reason, "DRAINING");
  gate.resolve(7);
  const answer = await held;
  assert.is(BatchSumResponse.decode(answer.responses[0]?.result?.value ?? new Uint8Array()).total, 7);
  await drained;
});

test("a server that announces its drain says NOT_SERVING once, and takes calls until it drains", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const watcher = new HealthClient(server.address, credentials.createInsecure());
  const seen: number[] = [];
  const watch = watcher.watch({ service: "sealwire.v1.ToolService" });
  watch.on("data", ({ status }: HealthCheckResponse) => seen.push(status)).on("error", () => {});
  await eventually("the watch has begun", () => seen.length === 1);
  assert.is(server.server.serving, true);
  server.server.announceDrain();
  server.server.announceDrain();
  assert.is(server.server.serving, false);
  assert.is(await health(server.address), HealthCheckResponse_ServingStatus.NOT_SERVING);
  assert.is((await client.call(IDENTITY)).code, 0);
  const ended = new Promise((resolve) => watch.once("status", resolve));
  await server.server.drain();
  await ended;
  watcher.close();
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  assert.equal(seen, [SERVING, NOT_SERVING]);
});

test("a call that does not end within the grace is cut off", async () => {
  const running = Promise.withResolvers<void>();
  const { tools, descriptors } = testService({
    Hang: {
      idempotent: true,
      run: () => {
        running.resolve();
        return new Promise(() => {});
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  using client = new RawClient(server.address, server.credentials());
  const hung = client.call({ tool: "hang", type: TEST_INPUT, value: testArgs(1) });
  await running.promise;
  await server.server.drain(50);
  assert.is.not((await hung).code, 0);
});

test("draining an idle server with open connections is quick and closes them", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, 0);
  await server.server.drain();
  await server.server.drain();
  assert.is((await client.call(IDENTITY)).code, 14);
});

function health(address: string): Promise<number> {
  const client = new Client(address, credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      (request: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(request).finish()),
      (bytes) => HealthCheckResponse.decode(bytes),
      { service: "sealwire.v1.ToolService" },
      (error, response) => {
        client.close();
        if (error !== null || response === undefined) reject(error);
        else resolve(response.status);
      },
    );
  });
}

test.run();
