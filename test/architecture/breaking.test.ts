import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ALL_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "../../src/codegen/third-party.ts";
import { builtinDescriptorSet } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";
import { ROOT } from "./source-files.ts";

/* Shows that `npm run check:breaking` would catch a change of the contract that clients in use do not survive. */
const test = suite("architecture/breaking");

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const folder = mkdtempSync(join(tmpdir(), "sealwire-breaking-"));

test.before(() => {
  for (const path of ["buf.yaml", "proto", "test/architecture/released-contract.binpb"]) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  writeThirdPartyProtos(join(folder, "node_modules", ".cache", "proto"), ALL_THIRD_PARTY_PROTOS);
});
test.after(() => rmSync(folder, { recursive: true }));

/** Runs the script on the contract with one text in a file replaced. */
function checkWith(file: string, from: string, to: string): { status: number | null; output: string } {
  const path = join(folder, "proto", "sealwire", file);
  const text = readFileSync(path, "utf8");
  assert.ok(text.includes(from), `${file} has no ${from}`);
  writeFileSync(path, text.replace(from, to));
  try {
    const PATH = [join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", scripts["check:breaking"]], { cwd: folder, env });
    return { status, output: `${stdout}${stderr}` };
  } finally {
    writeFileSync(path, text);
  }
}

test("the contract as it is, and with a field more, breaks nobody", () => {
  const more = checkWith("v1/envelope.proto", "bytes nonce = 8", "string note = 10;\n  bytes nonce = 8");
  assert.equal(more, { status: 0, output: "" });
});

const BREAKS: readonly [string, string, string, string, string][] = [
  ["a field with another number", "v1/envelope.proto", "bytes nonce = 8", "bytes nonce = 10", 'field "8"'],
  ["a field with another type", "v1/envelope.proto", "int64 ts_ms = 3", "uint64 ts_ms = 3", 'Field "3"'],
  ["a field with another name", "v1/frame.proto", "string key_id = 2", "string key = 2", "key_id"],
  ["an RPC with another name", "v1/tool_service.proto", "rpc WatchJob(", "rpc Watch(", "WatchJob"],
  ["a tool that is gone", "demo/v1/demo_tool_service.proto", "rpc BatchSum(", "rpc Sum(", "BatchSum"],
];

for (const [what, file, from, to, named] of BREAKS) {
  test(`the check fails on ${what}`, () => {
    const { status, output } = checkWith(file, from, to);
    assert.is.not(status, 0);
    assert.match(output, `sealwire/${file}:`);
    assert.match(output, named);
  });
}

test("a field that requests gained is a capability that the server signs, so that no older server is sent it", () => {
  const released = fieldsOf(readFileSync(join(ROOT, "test/architecture/released-contract.binpb")));
  const current = fieldsOf(builtinDescriptorSet());
  const announced = new Set([
    ...(current.get("sealwire.system.v1.Capabilities") ?? []),
    ...(current.get("sealwire.system.v1.ToolDescription") ?? []),
  ]);
  assert.ok(released.get("sealwire.v1.Envelope")?.includes("nonce"));
  assert.equal(unannounced(released, current, announced), []);
  // As it would be with a field that nobody announces: a server of the released version refuses it.
  const grown = new Map(current).set("sealwire.v1.Envelope", [...(current.get("sealwire.v1.Envelope") ?? []), "note"]);
  assert.equal(unannounced(released, grown, announced), ["sealwire.v1.Envelope.note"]);
  assert.equal(unannounced(released, grown, new Set([...announced, "note"])), []);
});

type Fields = ReadonlyMap<string, readonly string[]>;

/** The fields that requests have beyond the released contract and that no signed answer announces. */
function unannounced(released: Fields, current: Fields, announced: ReadonlySet<string>): string[] {
  const requests = ["Envelope", "CallRequest", "WatchJobRequest", "CallStreamRequest"];
  return requests.flatMap((message) => {
    const name = `sealwire.v1.${message}`;
    const before = released.get(name);
    if (before === undefined) return [];
    const added = (current.get(name) ?? []).filter((field) => !before.includes(field) && !announced.has(field));
    return added.map((field) => `${name}.${field}`);
  });
}

/** The names of the fields of each of our messages. */
function fieldsOf(descriptorSet: Uint8Array): Fields {
  const { file } = fromBinary(FileDescriptorSetSchema, descriptorSet);
  return new Map(
    file.flatMap((each) =>
      each.messageType.map(({ name, field }) => [`${each.package}.${name}`, field.map((one) => one.name)] as const),
    ),
  );
}

test("options of tools keep their numbers, which buf breaking does not look at", () => {
  const released = optionsOf(readFileSync(join(ROOT, "test/architecture/released-contract.binpb")));
  assert.ok(released.size > 0);
  const current = optionsOf(builtinDescriptorSet());
  for (const [name, number] of released) assert.is(current.get(name), number, name);
});

/** The numbers of the options that our contract adds, by name. */
function optionsOf(descriptorSet: Uint8Array): Map<string, number> {
  const { file } = fromBinary(FileDescriptorSetSchema, descriptorSet);
  const ours = file.filter((each) => each.package.startsWith("sealwire."));
  return new Map(ours.flatMap((each) => each.extension.map(({ name, number }) => [`${each.package}.${name}`, number])));
}

test.run();
