import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { exampleArguments } from "../../../src/cli/output/example-arguments.ts";
import { displayWidth } from "../../../src/cli/output/text-layout.ts";
import { describeTypes } from "../../../src/cli/output/tool-fields.ts";
import { encodeArguments } from "../../../src/client/calls/arguments.ts";
import { indexImage } from "../../../src/client/contracts/contracts.ts";
import { IMPORTED_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "../../../src/codegen/third-party.ts";
import { writeCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { ArgsValidator } from "../../../src/validation/args.ts";
import { builtinDescriptorSet, type Image, readImage } from "../../../src/wire/descriptors.ts";
import { QUICK_START } from "../../support/quick-start.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { inFolder, run } from "../cli-run.ts";

/* `sealwire tools TOOL` says all that a caller needs to know of a tool, with an example that works when it is pasted. */
const test = suite("cli/output/tool-page");

const root = join(import.meta.dirname, "../../..");
const exec = promisify(execFile);
const ACCESS = ["--credentials", "client.json"];

function serving(body: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    await body(folder);
  });
}

/** Pastes a line into a shell that finds `sealwire`. */
async function paste(folder: string, line: string): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin, { recursive: true });
  const main = join(root, "src/cli/main.ts");
  await writeFile(join(bin, "sealwire"), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, "sealwire"), 0o755);
  const env = { PATH: `${bin}:${process.env.PATH}`, HOME: folder, ...QUICK_START };
  return (await exec("sh", ["-c", line], { cwd: folder, env })).stdout;
}

for (const tool of ["batch_sum", "start_long_task"]) {
  test(`the example call of ${tool} works when it is pasted`, () =>
    serving(async (folder) => {
      const { code, stdout, stderr } = await run(["tools", tool, ...ACCESS]);
      assert.is(code, 0, stderr);
      const line = stdout.trimEnd().split("\n").at(-1) ?? "";
      assert.match(line, new RegExp(`^ {2}sealwire call ${tool} '.+' --credentials client.json$`));
      assert.is(typeof JSON.parse(await paste(folder, line)), "object");
    }));
}

test("a page holds kind, policy, fields, rules and the contract's comments", () =>
  serving(async () => {
    const call = (await run(["tools", "batch_sum", ...ACCESS])).stdout;
    for (const part of [
      /^batch_sum\nAdds up a list of numbers\.$/m,
      /^ {2}runs +at once/m,
      /^ {2}effect +changes nothing$/m,
      /^ {2}numbers {2}list of double; 1 to 10000 items; each finite$/m,
      /^ {4}1 to 10,000 finite numbers\.$/m,
      /^Result: sealwire\.demo\.v1\.BatchSumResponse$/m,
      /^ {2}count {2}int32$/m,
    ]) {
      assert.match(call, part);
    }
    assert.not.match(call, "Job policy");
    const job = (await run(["tools", "start_long_task", ...ACCESS])).stdout;
    for (const part of [
      /^ {2}runs +as a job/m,
      /^ {2}execution timeout +1m, for one attempt$/m,
      /^ {2}heartbeat timeout +none$/m,
      /^ {2}attempts +3, 1s to 5m apart$/m,
      /^ {2}retention +1d, after its end$/m,
      /^ {2}seconds {2}int32; 1 to 20$/m,
      /^ {2}payload {2}any object$/m,
    ]) {
      assert.match(job, part);
    }
  }));

test("the example of a tool that every server has is the command that does it", () =>
  serving(async (folder) => {
    const { tools } = JSON.parse((await run(["tools", "--json", ...ACCESS])).stdout);
    const own = tools.filter(({ method }: { method: string }) => method.startsWith("sealwire.system."));
    assert.is(own.length, 7);
    for (const { name } of own) {
      const line = (await run(["tools", name, ...ACCESS])).stdout.trimEnd().split("\n").at(-1) ?? "";
      assert.match(line, /^ {2}sealwire /);
      if (!/JOB_ID|--all/.test(line)) await paste(folder, line);
    }
  }));

test("a misspelt tool is answered with the nearest name and exit 2, an unknown one as a call of it", () =>
  serving(async () => {
    const misspelt = await run(["tools", "batch_summ", ...ACCESS]);
    assert.equal([misspelt.code, misspelt.stdout], [2, ""]);
    assert.match(misspelt.stderr, "did you mean batch_sum?");
    const unknown = await run(["tools", "reverse_everything", ...ACCESS]);
    assert.equal(unknown, await run(["call", "reverse_everything", ...ACCESS]));
    assert.is(unknown.code, 3);
  }));

test("--json gives the tool with its own contract alone, which --descriptors takes", () =>
  serving(async () => {
    const { code, stdout } = await run(["tools", "batch_sum", "--json", ...ACCESS]);
    assert.is(code, 0);
    const { tools, descriptorSet } = JSON.parse(stdout);
    assert.equal(
      tools.map(({ name }: { name: string }) => name),
      ["batch_sum"],
    );
    await writeFile("contract.binpb", Buffer.from(descriptorSet, "base64"));
    const args = ["call", "batch_sum", '{"numbers":[1]}', "--descriptors", "contract.binpb", ...ACCESS];
    assert.is((await run(args)).stdout, '{"count":1,"total":1}\n');
  }));

test("a page fits the screen", () =>
  serving(async () => {
    for (const tool of ["batch_sum", "start_long_task", "list_jobs"]) {
      const { stdout } = await run(["tools", tool, ...ACCESS], { dataColumns: 50 });
      const text = stdout.slice(0, stdout.indexOf("Example"));
      const long = text.split("\n").filter((line) => displayWidth(line) > 50 && line.trim().includes(" "));
      assert.equal(
        long.filter((line) => !/digest|method/.test(line)),
        [],
      );
    }
  }));

const CONTRACT = `
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";

service ShopToolService {
  // Orders something.
  rpc Order(OrderRequest) returns (OrderResponse);
}
// Size of a shirt.
enum Size {
  SIZE_UNSPECIFIED = 0;
  // For children.
  SIZE_SMALL = 1;
  SIZE_LARGE = 2; // For giants.
}
message OrderRequest {
  message Line {
    // Such as "AB-1234".
    string sku = 1 [(buf.validate.field).string.pattern = "^[A-Z]{2}-[0-9]{4}$"];
    int64 count = 2 [(buf.validate.field).int64 = {gt: 10, lt: 20}];
    Line gift = 3;
  }
  string mail = 1 [(buf.validate.field).string.email = true];
  string id = 2 [(buf.validate.field).string.uuid = true];
  Size size = 3 [(buf.validate.field).enum = {defined_only: true, not_in: 0}];
  repeated Line lines = 4 [(buf.validate.field).repeated = {min_items: 2}];
  map<string, int32> notes = 5 [(buf.validate.field).map = {min_pairs: 1, values: {int32: {gte: 5}}}];
  oneof payment {
    option (buf.validate.oneof).required = true;
    string card = 6 [(buf.validate.field).string = {len: 16, prefix: "4"}];
    bool cash = 7;
  }
  google.protobuf.Duration patience = 8 [(buf.validate.field).duration.gte = {seconds: 30}];
  google.protobuf.Timestamp due = 9 [(buf.validate.field).timestamp.gt_now = true];
  repeated string tags = 10 [(buf.validate.field).repeated = {unique: true, min_items: 3, items: {string: {max_len: 8}}}];
  bytes mark = 11 [(buf.validate.field).bytes.len = 4];
  string currency = 12 [(buf.validate.field).string = {in: ["EUR", "USD"]}];
  double weight = 13 [(buf.validate.field).cel = {id: "w", message: "a pair", expression: "this == 2.0"}];
  optional bool express = 14 [(buf.validate.field).required = true];
  string code = 15 [(buf.validate.field).string = {example: "x-9", pattern: "^x-[0-9]$"}];
}
message OrderResponse {}
`;

async function compiled(contract: string): Promise<Image> {
  await mkdir("proto");
  await writeFile("proto/shop.proto", contract);
  writeThirdPartyProtos(join(process.cwd(), "third"), IMPORTED_THIRD_PARTY_PROTOS);
  await writeFile("buf.yaml", "version: v2\nmodules:\n  - path: proto\n  - path: third\n");
  await exec(join(root, "node_modules/.bin/buf"), ["build", "--as-file-descriptor-set", "-o", "shop.binpb"]);
  return readImage(await readFile("shop.binpb"), builtinDescriptorSet());
}

test("an example keeps the rules of a contract of every kind", () =>
  inFolder(async () => {
    const image = await compiled(CONTRACT);
    const contract = indexImage(image).byTool.get("order");
    assert.ok(contract);
    const { json, valid } = exampleArguments(image, contract.input);
    assert.ok(valid, JSON.stringify(json));
    new ArgsValidator(image).validate(contract.input, encodeArguments(contract, json).value);
    // Each field is there, of the oneof the first that fits.
    assert.is(Object.keys(json).length, contract.input.fields.length - 1, JSON.stringify(json));
    assert.equal([json.code, json.currency, json.size], ["x-9", "EUR", "SIZE_SMALL"]);
    assert.is(new Set(json.tags as string[]).size, (json.tags as string[]).length);
    assert.is((json.lines as { sku: string }[])[0]?.sku, "AB-1234");
  }));

test("where no values are found, the page does not promise that the example works", () =>
  inFolder(async () => {
    const odd = CONTRACT.replace('pattern: "^x-[0-9]$"', 'pattern: "^x-[0-9]{7}y$"').replace('example: "x-9", ', "");
    const image = await compiled(odd);
    const contract = indexImage(image).byTool.get("order");
    assert.ok(contract);
    assert.is(exampleArguments(image, contract.input).valid, false);
  }));

test("types below a message are described once, with their comments above and behind", () =>
  inFolder(async () => {
    const image = await compiled(CONTRACT);
    const input = image.registry.getMessage("shop.v1.OrderRequest");
    assert.ok(input);
    const types = describeTypes(image, input);
    assert.equal(
      types.map(({ typeName }) => typeName),
      ["shop.v1.OrderRequest", "shop.v1.Size", "shop.v1.OrderRequest.Line"],
    );
    const [order, size, line] = types;
    const say = (name: string) => {
      const { type, rules } = order?.fields.find((field) => field.name === name) ?? { type: "", rules: [] };
      return [type, ...rules].join("; ");
    };
    assert.equal(
      size?.fields.map(({ name, comment }) => `${name} ${comment}`),
      ["SIZE_UNSPECIFIED ", "SIZE_SMALL For children.", "SIZE_LARGE For giants."],
    );
    assert.is(line?.fields[0]?.comment, 'Such as "AB-1234".');
    assert.equal(line?.fields[0]?.rules, ["matches ^[A-Z]{2}-[0-9]{4}$"]);
    assert.equal(line?.fields[1]?.rules, ["below 20", "above 10"]);
    assert.is(say("mail"), "string; email");
    assert.is(say("size"), "Size; a known value; none of 0");
    assert.is(say("lines"), "list of Line; 2 items or more");
    assert.is(say("notes"), "map of string to int32; 1 entries or more; each value 5 or more");
    assert.is(say("card"), "string; begins with 4; exactly 16 characters; not beside cash");
    assert.is(say("patience"), 'time span such as "1.5s"; 30s or more');
    assert.is(say("tags"), "list of string; 3 items or more; unique; each at most 8 characters");
    assert.is(say("currency"), 'string; one of "EUR", "USD"');
    assert.is(say("weight"), "double; a pair");
    assert.is(say("express"), "bool; required");
  }));

test.run();
