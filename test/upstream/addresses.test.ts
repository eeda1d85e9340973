import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { createMetrics } from "../../src/server/metrics/metrics.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { UpstreamOptions } from "../../src/upstream/options.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { encoded, type FaultCall, faultDescriptors, SERVICE, startFaultUpstream } from "./fault-upstream.ts";

/* Where an upstream is, how that is reached, and how its health is found out. */
const test = suite("upstream/addresses");

const ONCE = { retry: { maxAttempts: 1 } } as const;

async function serving(server: TestServer, expected = "SERVING"): Promise<void> {
  const client = server.client();
  await eventually(`health ${expected}`, async () => (await client.health(SERVICE)) === expected);
}

test("calls are spread over all addresses, and go on at the others when one is away", async () => {
  await using one = await startFaultUpstream((call) => call.send("one"));
  await using two = await startFaultUpstream((call) => call.send("two"));
  const address = [one, two].map(({ options }) => String(options.address));
  await using server = await startServer({ tools: [], upstreams: [{ ...one.options, address }] });
  await serving(server);
  const client = server.client();
  const held: FaultCall[] = [];
  one.act = (call) => held.push(call);
  two.act = (call) => held.push(call);
  await eventually("both serve", async () => {
    const calls = Promise.all([1, 2].map(() => client.call("act", { what: "x" })));
    await eventually("both calls arrive", () => held.length === 2);
    for (const call of held.splice(0)) call.send("did");
    await calls;
    return one.calls.length > 0 && two.calls.length > 0;
  });
  two.act = (call) => call.send("two");
  one.kill();
  await eventually("the other answers", async () => (await client.call("look", { what: "x" })).ok);
  for (let turn = 0; turn < 5; turn += 1) {
    const { output } = await client.call("act", { what: "x" });
    assert.equal(await output?.json(), { text: "two" });
  }
});

test("an upstream without the health service counts as up while it can be connected", async () => {
  await using upstream = await startPlain();
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  await serving(server);
  assert.ok((await server.client().call("look", { what: "x" })).ok);
  upstream.server.forceShutdown();
  await serving(server, "NOT_SERVING");
});

test("where its health is off, only calls tell", async () => {
  const address = `unix:${join(tmpdir(), "sealwire-nowhere", "tools.sock")}`;
  const upstreams = [{ name: "away", address, descriptors: faultDescriptors(), health: "off" as const }];
  await using server = await startServer({ tools: [], upstreams });
  await serving(server);
  await rejection("UNAVAILABLE", server.client("alice", ONCE).call("look", { what: "x" }));
});

test("an upstream that says NOT_SERVING is not called", async () => {
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  upstream.health.setStatus(SERVICE, "NOT_SERVING");
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  await rejection("UNAVAILABLE", server.client("alice", ONCE).call("act", { what: "x" }));
  upstream.health.setStatus(SERVICE, "SERVING");
  await serving(server);
  assert.is(upstream.calls.length, 0);
});

test("mTLS both ways: the certificates are checked, and nothing else is taken", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-upstream-tls-"));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void =>
    void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2");
  for (const name of ["server", "client"]) {
    openssl(
      "req",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      `/CN=${name}`,
      "-addext",
      "subjectAltName=DNS:tools.internal",
    );
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-copy_extensions",
      "copy",
      "-out",
      `${name}.pem`,
      "-days",
      "2",
    );
  }
  const read = (name: string): Buffer => execFileSync("cat", [file(name)]);
  const pair = { private_key: read("server.key"), cert_chain: read("server.pem") };
  try {
    await using upstream = await startPlain(ServerCredentials.createSsl(read("ca.pem"), [pair], true));
    const tls = {
      caPath: file("ca.pem"),
      certificatePath: file("client.pem"),
      privateKeyPath: file("client.key"),
      serverName: "tools.internal",
    };
    const withTls = (more: Partial<typeof tls> | undefined): UpstreamOptions => ({
      ...upstream.options,
      trustLoopback: true,
      ...(more !== undefined && { tls: more }),
    });
    const { certificatePath, privateKeyPath, ...noClient } = tls;
    for (const wrong of [undefined, noClient, { ...tls, serverName: "other.internal" }]) {
      await using server = await startServer({ tools: [], upstreams: [withTls(wrong)] });
      const client = server.client("alice", ONCE);
      for (let turn = 0; turn < 3; turn += 1) await rejection("UNAVAILABLE", client.call("look", { what: "x" }));
    }
    await using server = await startServer({ tools: [], upstreams: [withTls(tls)] });
    await serving(server);
    assert.ok((await server.client().call("look", { what: "x" })).ok);
    const missing = { ...tls, caPath: file("none.pem") };
    const { message } = await rejection("OPTIONS_INVALID", startServer({ tools: [], upstreams: [withTls(missing)] }));
    assert.match(message, /none\.pem of the upstream "plain" cannot be read \(ENOENT\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("metrics tell of calls and of health", async () => {
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({ store });
  const options = { tools: [], upstreams: [upstream.options], store, observers: [metrics.observer] };
  await using server = await startServer(options);
  await serving(server);
  await server.client().call("act", { what: "x" });
  const text = await metrics.text();
  assert.match(text, `sealwire_upstream_up{upstream="fault",service="${SERVICE}"} 1`);
  assert.match(text, 'sealwire_upstream_calls_total{upstream="fault",grpc_code="OK"} 1');
  assert.match(text, 'sealwire_upstream_calls_in_flight{upstream="fault"} 0');
  assert.match(text, 'sealwire_upstream_call_seconds_count{upstream="fault"} 1');
  upstream.kill();
  await serving(server, "NOT_SERVING");
  assert.match(await metrics.text(), `sealwire_upstream_up{upstream="fault",service="${SERVICE}"} 0`);
});

/** A server on a loopback port with the method Look and no health service. */
async function startPlain(
  credentials = ServerCredentials.createInsecure(),
): Promise<AsyncDisposable & { readonly options: UpstreamOptions; readonly server: Server }> {
  const server = new Server();
  const raw = (bytes: Buffer): Buffer => bytes;
  const codec = { requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw };
  const look = { path: `/${SERVICE}/Look`, requestStream: false, responseStream: false, ...codec };
  server.addService(
    { look },
    {
      look: (_: unknown, answer: (error: null, bytes: Buffer) => void) => answer(null, Buffer.from(encoded("looked"))),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return {
    server,
    options: { name: "plain", address: `127.0.0.1:${port}`, descriptors: faultDescriptors(), trustLoopback: true },
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

test.run();
