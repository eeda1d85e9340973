import { once } from "node:events";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  type HealthCheckResponse,
  HealthClient,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health.ts";
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection.ts";
import { ServerReflectionClient as AlphaClient } from "../../gen/grpc/reflection/v1alpha/reflection.ts";
import { rotateKey } from "../../src/signing/key-ring/changes.ts";
import type { KeyRingDocument } from "../../src/signing/key-ring/document.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { testArgs } from "../support/test-service.ts";
import { startProxy } from "./running-proxy.ts";

/* What a proxy offers: the contract that the server signs for its key, now, and the server's health. */
const test = suite("proxy/contract");

const SUM = "sealwire.demo.v1.DemoToolService/BatchSum";
const SYSTEM = "sealwire.system.v1.SystemToolService";
const STANDARD = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

type Question = ServerReflectionRequest["messageRequest"];

/** Asks one question of a reflection service. */
async function reflect(
  address: string,
  messageRequest: Question,
  Client: typeof ServerReflectionClient | typeof AlphaClient = ServerReflectionClient,
): Promise<NonNullable<ServerReflectionResponse["messageResponse"]>> {
  const client = new Client(address, credentials.createInsecure());
  try {
    const stream = client.serverReflectionInfo();
    stream.write({ host: "", messageRequest });
    const [{ messageResponse }] = (await once(stream, "data")) as [ServerReflectionResponse];
    stream.end();
    if (messageResponse === undefined) throw new Error("reflection gave an empty answer");
    return messageResponse;
  } finally {
    client.close();
  }
}

async function servicesOf(address: string, Client?: typeof AlphaClient): Promise<string[]> {
  const answer = await reflect(address, { $case: "listServices", value: "" }, Client);
  assert.is(answer.$case, "listServicesResponse");
  return answer.$case === "listServicesResponse" ? answer.value.service.map(({ name }) => name) : [];
}

/** Lets a client call only these tools. */
function allow(document: KeyRingDocument, tools: readonly string[]): KeyRingDocument {
  return { ...document, keys: document.keys.map((key) => ({ ...key, tools })) };
}

test("reflection has the services of the tools that the key may call, with all that they need", async () => {
  await using server = await startServer();
  await using proxy = await startProxy(server.client("alice", { pipeline: false }));
  const { address } = proxy.proxy;
  const services = ["sealwire.demo.v1.DemoToolService", SYSTEM, ...STANDARD];
  assert.equal(await servicesOf(address), services);
  assert.equal(await servicesOf(address, AlphaClient), services);
  for (const symbol of [SYSTEM, "sealwire.demo.v1.BatchSumRequest", "google.rpc.BadRequest", "sealwire.v1.Error"]) {
    const { $case } = await reflect(address, { $case: "fileContainingSymbol", value: symbol });
    assert.is($case, "fileDescriptorResponse", symbol);
  }
  assert.is(
    (await reflect(address, { $case: "fileContainingSymbol", value: "sealwire.v1.Envelope" })).$case,
    "errorResponse",
  );
});

test("reflection shows nothing of the operator's tools, neither at the server nor at a proxy for another key", async () => {
  await using server = await startServer({ clients: { alice: {}, ann: { role: "operator" } } });
  await using proxy = await startProxy(server.client("alice", { pipeline: false }));
  const answerOf = async (address: string, question: Question) => (await reflect(address, question)).$case;
  const service = "sealwire.operator.v1.OperatorToolService";
  for (const address of [server.address, proxy.proxy.address]) {
    for (const value of [service, `${service}.ListKeys`, "sealwire.operator.v1.Key", "sealwire.operator.v1.KeyRole"])
      assert.is(await answerOf(address, { $case: "fileContainingSymbol", value }), "errorResponse", value);
    const file = "sealwire/operator/v1/key.proto";
    assert.is(await answerOf(address, { $case: "fileByFilename", value: file }), "errorResponse");
    const type = "sealwire.operator.v1.Key";
    assert.is(await answerOf(address, { $case: "allExtensionNumbersOfType", value: type }), "errorResponse");
    assert.not.ok((await servicesOf(address)).includes(service));
  }
  await using operators = await startProxy(server.client("ann", { pipeline: false }));
  assert.ok((await servicesOf(operators.proxy.address)).includes(service));
});

test("a tool that the key may call from now on is served without a restart", async () => {
  await using server = await startServer();
  const { document } = server.keyRing;
  server.keyRing.replace(allow(document, []));
  const clock = new FakeClock();
  await using proxy = await startProxy(server.client("alice", { pipeline: false }), { clock });
  assert.is((await proxy.native.call(SUM, testArgs(1))).code, status.UNIMPLEMENTED);
  assert.equal(await servicesOf(proxy.proxy.address), [SYSTEM, ...STANDARD]);
  server.keyRing.replace(allow(document, ["*"]));
  clock.advance(1_000);
  assert.is((await proxy.native.call(SUM, testArgs(1))).code, status.OK);
  assert.ok((await servicesOf(proxy.proxy.address)).includes("sealwire.demo.v1.DemoToolService"));
  server.keyRing.replace(allow(document, []));
  assert.is((await proxy.native.call(SUM, testArgs(1))).code, status.PERMISSION_DENIED);
  clock.advance(10_001);
  await proxy.native.call(SUM, testArgs(1));
  await eventually("the tool is gone", async () => {
    return (await proxy.native.call(SUM, testArgs(1))).code === status.UNIMPLEMENTED;
  });
});

test("unknown methods do not ask the server more than once a second", async () => {
  await using server = await startServer();
  const clock = new FakeClock();
  const client = server.client("alice", { pipeline: false });
  let asked = 0;
  const listTools = client.listTools.bind(client);
  client.listTools = (options) => {
    asked += 1;
    return listTools(options);
  };
  await using proxy = await startProxy(client, { clock });
  for (let i = 0; i < 10; i++) assert.is((await proxy.native.call("a.B/C", testArgs(1))).code, status.UNIMPLEMENTED);
  assert.is(asked, 1);
});

test("health is the server's own, and NOT_SERVING while it cannot be reached", async () => {
  await using server = await startServer();
  await using link = await TcpLink.to(Number(server.address.split(":")[1]));
  const address = `127.0.0.1:${link.port}`;
  await using proxy = await startProxy(
    server.client("alice", { pipeline: false, address, retry: { unreachableForMs: 0 } }),
  );
  const health = new HealthClient(proxy.proxy.address, credentials.createInsecure());
  const check = (service: string): Promise<ServingStatus | number> =>
    new Promise((resolve) => {
      health.check({ service }, (error: ServiceError | null, answer) => resolve(error?.code ?? answer.status));
    });
  assert.is(await check(""), ServingStatus.SERVING);
  assert.is(await check("no.such.Service"), status.NOT_FOUND);
  const watch = health.watch({ service: "" });
  watch.on("error", () => {});
  const [{ status: first }] = (await once(watch, "data")) as [HealthCheckResponse];
  assert.is(first, ServingStatus.SERVING);
  server.server.announceDrain();
  assert.is(await check(""), ServingStatus.NOT_SERVING);
  link.cut();
  assert.is(await check(""), ServingStatus.NOT_SERVING);
  const told = once(watch, "data");
  void proxy.proxy.drain(0);
  assert.is(((await told)[0] as HealthCheckResponse).status, ServingStatus.NOT_SERVING);
  health.close();
});

test("a key that is rotated behind the proxy fails no call", async () => {
  await using server = await startServer();
  const document = server.keyRing.document;
  const { document: rotated } = rotateKey(document, { clientId: "alice" });
  server.keyRing.replace(rotated);
  await using proxy = await startProxy(server.client("alice", { pipeline: false }));
  assert.is((await proxy.native.call(SUM, testArgs(1))).code, status.OK);
});

test.run();
