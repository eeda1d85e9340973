import { isLoopback } from "../../src/client/loopback.ts";
import { type ClientOptions, resolveClientOptions } from "../../src/client/options.ts";
import { SealwireError } from "../../src/errors.ts";
import { assert, suite } from "../support/suite.ts";
import { makeCredentials } from "./peers/signed-peer.ts";

const test = suite("client/options");

const credentials = makeCredentials("127.0.0.1:50051");
const resolve = (options: Partial<ClientOptions>) => resolveClientOptions({ credentials, ...options });

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
  const { timeoutMs, retry, heartbeatIntervalMs, resumeForMs, maxReceiveBytes, address } = resolve({});
  assert.equal(
    { timeoutMs, retry, heartbeatIntervalMs, resumeForMs, maxReceiveBytes, address },
    {
      timeoutMs: 60_000,
      retry: { maxAttempts: 5, initialDelayMs: 200, maxDelayMs: 5_000 },
      heartbeatIntervalMs: 15_000,
      resumeForMs: 300_000,
      maxReceiveBytes: 4_194_304,
      address: "127.0.0.1:50051",
    },
  );
  assert.is(resolve({ address: "localhost:1" }).address, "localhost:1");
});

test("a value out of range is refused by name", () => {
  assert.match(refusal({ timeoutMs: 0 }), /^timeoutMs is 0/);
  assert.match(refusal({ timeoutMs: Number.NaN }), /^timeoutMs is NaN/);
  assert.match(refusal({ timeoutMs: 86_400_001 }), /^timeoutMs/);
  assert.match(refusal({ retry: { maxAttempts: 0 } }), /^retry\.maxAttempts/);
  assert.match(refusal({ retry: { initialDelayMs: -1 } }), /^retry\.initialDelayMs/);
  assert.match(refusal({ heartbeatIntervalMs: 99 }), /^heartbeatIntervalMs/);
  assert.match(refusal({ resumeForMs: Infinity }), /^resumeForMs/);
  assert.match(refusal({ maxReceiveBytes: 10 }), /^maxReceiveBytes/);
  assert.match(refusal({ address: "" }), /address is empty/);
});

test("plaintext to another machine must be asked for", () => {
  const address = "tools.example:443";
  assert.match(refusal({ address }), /Without TLS/);
  assert.is(resolve({ address, allowRemotePlaintext: true }).address, address);
  assert.is(resolve({ address, tls: {} }).address, address);
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
  near.push("dns:localhost:1", "dns:///127.0.0.1:1", "dns://8.8.8.8/localhost:1", "ipv4:127.0.0.1:1", "ipv6:[::1]:1");
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
  far.push("ipv4:127.0.0.1:1,10.0.0.1:1", "dns:///example:1", "1270.0.0.1:1", "127.1:1", "xds:///localhost:1");
  assert.equal(
    near.filter((address) => !isLoopback(address)),
    [],
  );
  assert.equal(far.filter(isLoopback), []);
});

test.run();
