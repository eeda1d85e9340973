import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { SealwireError } from "../../src/errors.ts";
import { resolveUpstreams, type UpstreamOptions } from "../../src/upstream/options.ts";
import { buildDescriptors } from "../support/build-descriptors.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { faultDescriptors } from "./fault-upstream.ts";

const test = suite("upstream/options");

const PROTO = join(import.meta.dirname, "proto");
const VALID: UpstreamOptions = { name: "py", address: "unix:/nowhere/py.sock", descriptors: new Uint8Array() };

function refusal(options: Partial<UpstreamOptions> | readonly UpstreamOptions[]): string {
  try {
    resolveUpstreams(Array.isArray(options) ? options : [{ ...VALID, ...options }]);
  } catch (thrown) {
    assert.ok(thrown instanceof SealwireError && thrown.reason === "OPTIONS_INVALID", String(thrown));
    return thrown.message;
  }
  throw new Error(`accepted: ${JSON.stringify(options)}`);
}

test("a bad option is refused by the name of the upstream and its own", () => {
  const cases: readonly [Partial<UpstreamOptions>, RegExp][] = [
    [{ name: "Py" }, /The name "Py" of an upstream must be/],
    [{ name: "" }, /must be 1 to 32/],
    [{ name: "a".repeat(33) }, /must be 1 to 32/],
    [{ name: "p\ny" }, /"p\\ny"/],
    [{ address: "" }, /The upstream "py": The address is empty/],
    [{ address: "http://x:1" }, /The upstream "py": .* is a URL/],
    [{ address: ["unix:/a", "unix:/a"] }, /contains an entry twice/],
    [{ maxConcurrency: 0 }, /The maxConcurrency of the upstream "py" is 0; it must be/],
    [{ maxConcurrency: 10_001 }, /maxConcurrency/],
    [{ callTimeoutMs: 0 }, /callTimeoutMs/],
    [{ callTimeoutMs: 86_400_001 }, /callTimeoutMs/],
    [{ services: [] }, /The services of the upstream "py" are empty/],
    [{ services: ["a/b"] }, /"a\/b", no full name/],
    [{ health: "maybe" as never }, /The health of the upstream "py" must be grpc, connect, off/],
    [{ tls: { certificatePath: "c" } }, /The tls of the upstream "py" has a certificate without its key/],
    [{ tls: { serverName: "a\nb" } }, /The tls.name of the upstream "py" is "a\\nb", no host name/],
    [{ tls: { serverName: "" } }, /no host name/],
    [{ assertion: { audience: "a b", keyPath: "k" } }, /assertion.audience/],
  ];
  for (const [options, expected] of cases) assert.match(refusal(options), expected);
  assert.match(refusal([VALID, VALID]), /is given twice/);
  assert.match(refusal(Array.from({ length: 101 }, () => VALID)), /100 are the most/);
});

test("plaintext is for sockets that others cannot replace, and for ports with an assertion or by consent", () => {
  const assertion = { audience: "py", keyPath: "keys.json" };
  for (const address of ["127.0.0.1:5", "localhost:5", "[::1]:5", "dns:///localhost:5"]) {
    assert.match(
      refusal({ address }),
      /every user of this machine; use a unix socket, an assertion, or set trust_loopback/,
    );
    resolveUpstreams([{ ...VALID, address, assertion }]);
    resolveUpstreams([{ ...VALID, address, trustLoopback: true }]);
  }
  for (const address of ["tools.internal:5", "10.0.0.1:5", "dns:///tools.internal:5", "unix:/nowhere/a,10.0.0.1:5"]) {
    assert.match(refusal({ address, assertion, trustLoopback: true }), /is not on this machine and needs tls/);
    resolveUpstreams([{ ...VALID, address, tls: {} }]);
  }
  const folder = mkdtempSync(join(tmpdir(), "sealwire-options-"));
  try {
    for (const mode of [0o777, 0o1777, 0o720, 0o702]) {
      mkdirSync(join(folder, "open"));
      chmodSync(join(folder, "open"), mode);
      const address = `unix:${join(folder, "open", "a.sock")}`;
      assert.match(refusal({ address }), /other users can write to .*, so chmod go-w it, or set trust_loopback/);
      resolveUpstreams([{ ...VALID, address, trustLoopback: true }]);
      rmSync(join(folder, "open"), { recursive: true });
    }
    resolveUpstreams([{ ...VALID, address: `unix:${join(folder, "a.sock")}` }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a socket's folder that another user could have made, or could replace, is refused", () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-options-"));
  try {
    const shared = join(folder, "shared");
    mkdirSync(join(shared, "own", "run"), { recursive: true });
    symlinkSync(join(shared, "own"), join(folder, "link"));
    const addresses = [join(shared, "own", "run"), join(folder, "link", "run")].map((each) => `unix:${each}/a.sock`);
    for (const address of addresses) resolveUpstreams([{ ...VALID, address }]);
    chmodSync(shared, 0o777);
    for (const address of addresses)
      assert.match(refusal({ address }), `other users can write to ${shared}, so chmod o-w it, or set trust_loopback`);
    chmodSync(shared, 0o1777);
    for (const address of addresses) resolveUpstreams([{ ...VALID, address }]);
    if (process.geteuid?.() === 0) {
      chownSync(join(shared, "own"), 65_534, 65_534);
      for (const address of addresses) assert.match(refusal({ address }), `${shared}/own belongs to another user`);
    }
    symlinkSync("loop", join(folder, "loop"));
    assert.match(refusal({ address: `unix:${folder}/loop/a.sock` }), /loop cannot be examined \(ELOOP\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("TLS files without a certificate, and folders in their place, are refused at the start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-options-"));
  try {
    const file = join(folder, "ca.pem");
    writeFileSync(file, "no certificate");
    const refusedWith = async (caPath: string) => {
      const upstreams = [{ ...VALID, descriptors: faultDescriptors(), address: "tools.internal:5", tls: { caPath } }];
      return (await rejection("OPTIONS_INVALID", startServer({ tools: [], upstreams }))).message;
    };
    assert.match(await refusedWith(file), /The TLS files of the upstream "py" cannot be used: .*PEM/);
    assert.match(await refusedWith(folder), `The file ${folder} of the upstream "py" cannot be read (EISDIR).`);
    assert.match(await refusedWith(join(folder, "none")), /cannot be read \(ENOENT\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("contracts that contradict each other, or cannot be tools, are refused at the start, naming both", async () => {
  const named = (name: string, edit: (source: string) => string = (source) => source): UpstreamOptions => ({
    name,
    address: "unix:/nowhere/x.sock",
    descriptors: buildDescriptors(PROTO, edit),
  });
  const inPackage = (name: string) => named(name, (source) => source.replace("package fault.v1", `package ${name}.v1`));
  const cases: readonly [readonly UpstreamOptions[], RegExp][] = [
    [
      [named("one"), named("two")],
      /fault\.v1\.FaultToolService\.Act of the upstream "two" and fault\.v1\.FaultToolService\.Act of the upstream "one" are both the tool "act"/,
    ],
    [
      [named("one"), named("two", (source) => source.replace("max_len = 100", "max_len = 7"))],
      /The file fault\/v1\/fault_tool_service\.proto of the upstream "two" differs from that of the upstream "one"/,
    ],
    [[inPackage("one"), inPackage("two")], /The file .* of the upstream "two" differs/],
    [
      [named("one", (source) => source.replace("rpc Act(FaultRequest)", "rpc Act(stream FaultRequest)"))],
      /fault\.v1\.FaultToolService\.Act streams its requests; a tool has one request/,
    ],
    [
      [
        named("one", (source) =>
          source.replace("rpc Act(FaultRequest) returns (", "rpc Act(FaultRequest) returns (stream "),
        ),
      ],
      /fault\.v1\.FaultToolService\.Act streams its response without being a job/,
    ],
    [
      [{ ...named("one"), services: ["fault.v1.Other"] }],
      /The services of the upstream "one" contain fault\.v1\.Other/,
    ],
    [[{ ...named("one"), descriptors: new Uint8Array() }], /The descriptors of the upstream "one" contain no service/],
    [[{ ...named("one"), descriptors: Buffer.from("nonsense") }], /The descriptors of the upstream "one"/],
    [
      [{ ...named("one"), descriptors: "/nowhere/d.binpb" }],
      /"one" in \/nowhere\/d\.binpb: The file cannot be read \(ENOENT\)/,
    ],
  ];
  for (const [upstreams, expected] of cases) {
    const { message } = await rejection("OPTIONS_INVALID", startServer({ tools: [], upstreams }));
    assert.match(message, expected);
  }
  const { message } = await rejection("OPTIONS_INVALID", startServer({ upstreams: [named("one", asBatchSum)] }));
  assert.match(message, /sealwire\.demo\.v1\.DemoToolService\.BatchSum are both the tool "batch_sum"/);
  await using server = await startServer({ tools: [], upstreams: [{ ...VALID, descriptors: faultDescriptors() }] });
  assert.equal(server.server.tools, ["act", "flow", "look", "work"]);
});

test("a type that a contract defines in two files is refused", async () => {
  const file = (name: string, service: object[] = []) => ({
    name,
    syntax: "proto3",
    package: "twice.v1",
    messageType: [{ name: "Note" }],
    service,
  });
  const keep = { name: "Keep", inputType: ".twice.v1.Note", outputType: ".twice.v1.Note" };
  const set = create(FileDescriptorSetSchema, {
    file: [file("twice/v1/a.proto", [{ name: "NoteToolService", method: [keep] }]), file("twice/v1/b.proto")],
  });
  const upstreams = [{ ...VALID, descriptors: toBinary(FileDescriptorSetSchema, set) }];
  const { message } = await rejection("OPTIONS_INVALID", startServer({ tools: [], upstreams }));
  assert.match(message, /twice\.v1\.Note of the upstream "py" is in twice\/v1\/a\.proto and in another file, too/);
});

function asBatchSum(source: string): string {
  return source.replace("rpc Act(", "rpc BatchSum(");
}

test.run();
