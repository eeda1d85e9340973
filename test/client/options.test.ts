import { SealwireClient } from "../../src/client/client.ts";
import { type ClientOptions, resolveClientOptions } from "../../src/client/options.ts";
import { SealwireError } from "../../src/errors.ts";
import { builtinImage } from "../../src/wire/descriptors.ts";
import { isLoopback } from "../../src/wire/loopback.ts";
import { ledgerDescriptors } from "../e2e/ledger-tools.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { makeCredentials } from "./peers/signed-peer.ts";

const test = suite("client/options");

const credentials = makeCredentials("127.0.0.1:50051");
const resolve = (options: Partial<ClientOptions>) => resolveClientOptions({ credentials, ...options });

const targets = (options: Partial<ClientOptions>) => resolve(options).addresses.map(({ target }) => target);

function refusal(options: Partial<ClientOptions>): string {
  try {
    resolve(options);
  } catch (error) {
    assert.instance(error, SealwireError);
    assert.is((error as SealwireError).reason, "OPTIONS_INVALID");
    return (error as SealwireError).message;
  }
  throw new Error(`accepted: ${JSON.stringify(options)}`);
}

test("defaults are filled in", () => {
  const { timeoutMs, retry, heartbeatIntervalMs, resumeForMs, healthIntervalMs, maxReceiveBytes, addresses } = resolve(
    {},
  );
  assert.equal(
    { timeoutMs, retry, heartbeatIntervalMs, resumeForMs, healthIntervalMs, maxReceiveBytes, addresses },
    {
      timeoutMs: 60_000,
      retry: { maxAttempts: 5, initialDelayMs: 200, maxDelayMs: 5_000, unreachableForMs: 86_400_000 },
      heartbeatIntervalMs: 15_000,
      resumeForMs: 300_000,
      healthIntervalMs: 5_000,
      maxReceiveBytes: 4_194_304,
      addresses: [{ kind: "target", target: "127.0.0.1:50051" }],
    },
  );
  assert.equal(targets({ address: "localhost:1" }), ["localhost:1"]);
});

test("calls share a stream by themselves unless the client is told otherwise", () => {
  assert.is(resolve({}).pipeline, "auto");
  assert.is(resolve({ pipeline: false }).pipeline, false);
});

test("a value out of range is refused by name", () => {
  assert.match(refusal({ timeoutMs: 0 }), /^timeoutMs is 0/);
  assert.match(refusal({ timeoutMs: Number.NaN }), /^timeoutMs is NaN/);
  assert.match(refusal({ timeoutMs: 86_400_001 }), /^timeoutMs/);
  assert.match(refusal({ retry: { maxAttempts: 0 } }), /^retry\.maxAttempts/);
  assert.match(refusal({ retry: { maxAttempts: 1.5 } }), /^retry\.maxAttempts is 1.5; it must be a whole number/);
  assert.match(refusal({ heartbeatIntervalMs: 100.5 }), /^heartbeatIntervalMs/);
  assert.match(refusal({ maxReceiveBytes: 2 ** 31 }), /^maxReceiveBytes/);
  assert.match(refusal({ retry: { maxDelayMs: 86_400_001 } }), /^retry\.maxDelayMs/);
  assert.match(refusal({ retry: { initialDelayMs: -1 } }), /^retry\.initialDelayMs/);
  assert.match(refusal({ heartbeatIntervalMs: 99 }), /^heartbeatIntervalMs/);
  assert.match(refusal({ resumeForMs: Infinity }), /^resumeForMs/);
  assert.match(refusal({ maxReceiveBytes: 10 }), /^maxReceiveBytes/);
  assert.match(refusal({ retry: { unreachableForMs: -1 } }), /^retry\.unreachableForMs/);
  assert.match(refusal({ keepaliveIntervalMs: 999 }), /^keepaliveIntervalMs/);
  assert.match(refusal({ keepaliveTimeoutMs: 3_600_001 }), /^keepaliveTimeoutMs/);
  assert.match(refusal({ healthIntervalMs: 99 }), /^healthIntervalMs/);
  assert.match(refusal({ pipeline: "always" as never }), 'pipeline is "always"; it must be true, false or "auto"');
  for (const address of ["", [], [""]]) assert.match(refusal({ address }), /^The address is empty/);
  assert.match(refusal({ address: "127.0.0.1:1,,127.0.0.1:2" }), /^An address in "127.0.0.1:1,,127.0.0.1:2" is empty/);
});

test("descriptors are given as bytes or as an image", () => {
  const image = builtinImage();
  assert.is(resolve({ descriptors: image }).descriptors, image);
  const read = resolve({ descriptors: [ledgerDescriptors] }).descriptors;
  assert.ok(read?.registry.getService("sealwire.demo.v1.DemoToolService"));
  assert.ok((read?.files.size ?? 0) > image.files.size);
  assert.match(refusal({ descriptors: [Buffer.from("no descriptors")] }), /^The descriptors cannot be read/);
});

test("an address that nobody can call is refused", () => {
  for (const address of ["dns:///a:b:c", "tools.example:99999", "https://tools.example", "h:1\nx"]) {
    assert.match(refusal({ address, tls: {} }), /^The address "/);
  }
});

test("what a call takes is checked before it is sent", async () => {
  await using client = new SealwireClient({ credentials });
  const job = client.job("j");
  const refusals: [() => Promise<unknown>, RegExp][] = [
    [() => client.listJobs({ pageSize: 501 }), /^pageSize is 501; it must be a whole number from 0 to 500/],
    [() => client.listJobs({ pageSize: 0.5 }), /^pageSize/],
    [() => client.listTools({ timeoutMs: Infinity }), /^timeoutMs is Infinity/],
    [() => job.poll({ waitMs: Number.NaN }), /^waitMs is NaN/],
    [() => job.poll({ afterRevision: 1.5 }), /^afterRevision is 1.5/],
    [() => job.watch({ afterRevision: -1 }).next(), /^afterRevision is -1/],
    [() => client.watchJobs({ endedSinceMs: 1e300 }).next(), /^endedSinceMs/],
  ];
  for (const [call, expected] of refusals) assert.match((await rejection("OPTIONS_INVALID", call())).message, expected);
});

test("plaintext to another machine must be asked for", () => {
  const address = "tools.example:443";
  assert.match(refusal({ address }), /Without TLS/);
  assert.equal(targets({ address, allowRemotePlaintext: true }), [address]);
  assert.equal(targets({ address, tls: {} }), [address]);
  assert.match(refusal({ address: `127.0.0.1:1,${address}` }), /not to tools\.example:443/);
  assert.match(refusal({ address: ["127.0.0.1:1", address] }), /not to tools\.example:443/);
});

test("several addresses are a list, or a text with commas; a name stands for its servers if it says so", () => {
  assert.equal(targets({ address: "127.0.0.1:1, [::1]:2,unix:/tmp/x" }), ["127.0.0.1:1", "[::1]:2", "unix:/tmp/x"]);
  assert.equal(targets({ address: ["unix:/tmp/a,b"] }), ["unix:/tmp/a,b"]);
  const name = (target: string) => {
    const [address] = resolve({ address: target, tls: {} }).addresses;
    return address?.kind === "name" ? [address.host, address.port, address.nameServer] : address?.kind;
  };
  assert.equal(name("dns:///tools.example:50051"), ["tools.example", 50_051, undefined]);
  assert.equal(name("dns:tools.example"), ["tools.example", 443, undefined]);
  assert.equal(name("dns://10.0.0.2:53/tools.example:1"), ["tools.example", 1, "10.0.0.2:53"]);
  for (const one of ["tools.example:1", "dns:///127.0.0.1:1", "dns:///[::1]:1", "unix:/x"])
    assert.is(name(one), "target", one);
});

test("loopback is told from other addresses in every form of a gRPC target", () => {
  const near = [
    "127.0.0.1:1",
    "127.8.9.1:1",
    "localhost:1",
    "localhost",
    "[::1]:1",
    "[::1]",
    "::1",
    "unix:/tmp/x",
    "unix-abstract:x",
  ];
  near.push("dns:localhost:1", "dns:///127.0.0.1:1", "ipv4:127.0.0.1:1", "ipv6:[::1]:1");
  const far = [
    "10.0.0.1:1",
    "0.0.0.0:1",
    "[::]:1",
    "127.0.0.1.example:1",
    "localhost.example:1",
    "example:1",
    "[fe80::1]:1",
    "",
  ];
  far.push(
    "ipv4:127.0.0.1:1,10.0.0.1:1",
    "dns:///example:1",
    "dns://8.8.8.8/localhost:1",
    "1270.0.0.1:1",
    "127.1:1",
    "xds:///localhost:1",
  );
  assert.equal(
    near.filter((address) => !isLoopback(address)),
    [],
  );
  assert.equal(far.filter(isLoopback), []);
});

test.run();
