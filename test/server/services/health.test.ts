import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { credentials, type ServiceError, status as Status } from "@grpc/grpc-js";
import {
  type HealthCheckResponse,
  HealthClient,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health.ts";
import { RawClient } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const TOOL_SERVICE = "sealwire.v1.ToolService";

const test = suite("server/services/health");

test("every service is told, and one that there is not is NOT_FOUND", async () => {
  await using server = await startServer();
  using client = connect(server.address);
  const { statuses } = await client.list();
  assert.equal(
    Object.entries(statuses).map(([name, { status }]) => [name, status]),
    [
      ["", ServingStatus.SERVING],
      [TOOL_SERVICE, ServingStatus.SERVING],
      ["sealwire.demo.v1.DemoToolService", ServingStatus.SERVING],
    ],
  );
  assert.is(await client.check(""), ServingStatus.SERVING);
  assert.is(await client.check(TOOL_SERVICE), ServingStatus.SERVING);
  const refused = await client.check("no.such.Service").catch((error: ServiceError) => error.code);
  assert.is(refused, Status.NOT_FOUND);
});

test("who watches is told of a shutdown, and who watches nothing that there is nothing", async () => {
  await using server = await startServer();
  using client = connect(server.address);
  const watched = client.watch(TOOL_SERVICE);
  const unknown = client.watch("no.such.Service");
  const left = client.watch("");
  assert.is(await watched.next(), ServingStatus.SERVING);
  assert.is(await unknown.next(), ServingStatus.SERVICE_UNKNOWN);
  assert.is(await left.next(), ServingStatus.SERVING);
  left.cancel();
  const drained = server.server.drain();
  assert.is(await watched.next(), ServingStatus.NOT_SERVING);
  await drained;
});

test("a server whose store is deleted under it says NOT_SERVING and answers UNAVAILABLE", async () => {
  await using server = await startServer();
  using client = connect(server.address);
  using raw = new RawClient(server.address, server.credentials());
  const identity = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
  assert.is((await raw.call(identity)).code, 0);
  const watched = client.watch("");
  assert.is(await watched.next(), ServingStatus.SERVING);
  rmSync(join(server.folder, "store.db"));
  assert.is(await watched.next(), ServingStatus.NOT_SERVING);
  const { code, reason } = await raw.call(identity);
  assert.equal([code, reason], [Status.UNAVAILABLE, "UNAVAILABLE"]);
  assert.is(server.store.condition.lost.reason.reason, "STORE_UNUSABLE");
  watched.cancel();
});

function connect(address: string) {
  const client = new HealthClient(address, credentials.createInsecure());
  return {
    check: (service: string) =>
      new Promise<ServingStatus>((resolve, reject) => {
        client.check({ service }, (error, answer) => (error === null ? resolve(answer.status) : reject(error)));
      }),
    list: () =>
      new Promise<{ statuses: Record<string, HealthCheckResponse> }>((resolve, reject) => {
        client.list({}, (error, answer) => (error === null ? resolve(answer) : reject(error)));
      }),
    watch(service: string) {
      const stream = client.watch({ service });
      stream.on("error", () => {});
      return {
        cancel: () => stream.cancel(),
        async next(): Promise<ServingStatus> {
          const [{ status }] = (await once(stream, "data")) as [HealthCheckResponse];
          return status;
        },
      };
    },
    [Symbol.dispose]: () => client.close(),
  };
}

test.run();
