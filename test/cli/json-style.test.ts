import { type DescMessage, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { commandTree } from "../../src/cli/help/command-tree.ts";
import { createProgram } from "../../src/cli/program.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess } from "./cli-process.ts";
import { inFolder, RecordingTerminal, run } from "./cli-run.ts";

/* Every `--json`: the ProtoJSON of a message of the contract, one object a line, and the same object for a job everywhere. */
const test = suite("cli/json-style");

const ACCESS = ["--credentials", "client.json"];
const JOB = "sealwire.system.v1.PollJobResponse";

/**
 * What each command with `--json` prints, by its words; "" where no message of the contract describes it. Behind each
 * stands what 0.1.0 printed. `call --detach` prints the same as `jobs list` for a job; in 0.1.0 the bare Job.
 */
const OUTPUTS: Readonly<Record<string, string>> = {
  tools: "sealwire.system.v1.ListToolsResponse", // the same
  "jobs list": JOB, // the bare sealwire.v1.Job
  "jobs get": JOB, // `output` without "@type", so that no program could read it as a message
  "jobs watch": JOB, // the same as jobs get
  "jobs cancel": JOB, // the bare sealwire.v1.Job
  health: "grpc.health.v1.HealthCheckResponse", // the same
  "keys list": "", // key_id, client_id, not_before, not_after, server_secret_id, created_at, last_use
  "ops jobs": "sealwire.operator.v1.OperatorJob",
  "ops job": "sealwire.operator.v1.DescribeJobResponse",
  "ops cancel": "sealwire.operator.v1.CancelAnyJobResponse",
  "ops instances": "sealwire.operator.v1.Instance",
  "ops keys": "sealwire.operator.v1.Key",
  "ops stats": "sealwire.operator.v1.ServerStatsResponse",
  "ops audit": "sealwire.operator.v1.AuditLine",
  "audit verify": "", // test/cli/audit.test.ts
  "mcp pins list": "", // test/cli/pins.test.ts
  "mcp pins verify": "", // test/cli/pins.test.ts
  verify: "", // failed_step in place of failedStep
};

/** Reads each line as the message's ProtoJSON, strictly, and sees to it that the message gives the same line again. */
function read(stdout: string, typeName: string): JsonObject[] {
  const { registry } = builtinImage();
  const desc: DescMessage = messageDesc(builtinImage(), typeName);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => {
      const json = JSON.parse(line) as JsonObject;
      assert.equal(toJson(desc, fromJson(desc, json, { registry }), { registry }), json);
      return json;
    });
}

function assertCamelCase(value: JsonValue): void {
  if (Array.isArray(value)) for (const each of value) assertCamelCase(each);
  else if (typeof value === "object" && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      assert.match(name, /^[a-z][A-Za-z0-9]*$/);
      assertCamelCase(each);
    }
  }
}

test("these are all commands with --json", () => {
  const tree = commandTree(createProgram(new RecordingTerminal(), () => {}));
  const found = tree.filter(({ command }) => command.options.some(({ long }) => long === "--json"));
  assert.equal(found.map(({ path }) => path).sort(), Object.keys(OUTPUTS).sort());
});

test("jobs are the same object to get, list, watch, cancel and call --detach", () =>
  inFolder(async (folder) => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    const json = async (...args: string[]) => {
      const { stdout, stderr } = await run([...args, ...ACCESS]);
      assert.is.not(stdout, "", stderr);
      return read(stdout, JOB);
    };
    const start = ["call", "start_long_task", '{"seconds":1,"payload":{"a":1}}', "--detach", "--request-id", "one"];
    const [accepted = {}] = await json(...start);
    const { jobId } = accepted.job as { jobId: string };
    const watched = await json("jobs", "watch", jobId, "--json");
    const done = watched.at(-1) ?? {};
    const output = { "@type": "type.googleapis.com/sealwire.demo.v1.StartLongTaskResponse", payload: { a: 1 } };
    assert.equal(done.output, output);
    assert.equal((done.job as JsonObject).state, "JOB_STATE_SUCCEEDED");
    const [{ attempts = [], ...got } = {}, ...others] = await json("jobs", "get", jobId, "--json");
    assert.equal([got, others], [done, []]);
    assert.equal(
      (attempts as JsonObject[]).map(({ number, outcome }) => [number, outcome]),
      [[1, "ATTEMPT_OUTCOME_SUCCEEDED"]],
    );
    assert.equal(await json("jobs", "cancel", jobId, "--json"), [done]);
    assert.equal(await json(...start), [{ job: done.job }]);
    assert.equal(await json("jobs", "list", "--json"), [{ job: done.job }]);

    const all = ["jobs", "watch", "--all", "--json", "--ended-since", "2026-01-01T00:00:00Z", ...ACCESS];
    await using follower = new CliProcess(all, { cwd: folder });
    await follower.until("the job", () => follower.stdout.includes("\n"));
    assert.equal(read(follower.stdout, JOB), [{ job: done.job }]);
  }));

test("tools and health are the answers of the contract", () =>
  inFolder(async () => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    for (const [args, typeName] of [
      [["tools"], OUTPUTS.tools],
      [["tools", "start_long_task"], OUTPUTS.tools],
      [["health"], OUTPUTS.health],
    ] as const) {
      const { code, stdout, stderr } = await run([...args, "--json", ...ACCESS]);
      assert.is(code, 0, stderr);
      assert.is(read(stdout, typeName ?? "").length, 1);
    }
  }));

test("what operators see are messages of the contract", () =>
  inFolder(async () => {
    await using server = await startServer({ clients: { alice: {}, ann: { role: "operator" } } });
    await writeCredentials("client.json", server.credentials("alice"));
    await writeCredentials("ann.json", server.credentials("ann"));
    const start = ["call", "start_long_task", '{"seconds":20}', "--detach", ...ACCESS];
    const [accepted = {}] = read((await run(start)).stdout, JOB);
    const { jobId } = accepted.job as { jobId: string };
    for (const [command, ...args] of [
      ["ops jobs"],
      ["ops job", jobId],
      ["ops cancel", jobId],
      ["ops instances"],
      ["ops keys"],
      ["ops stats"],
    ] as const) {
      const words = [...command.split(" "), ...args, "--json", "--credentials", "ann.json"];
      const { code, stdout, stderr } = await run(words);
      assert.is(code, 0, stderr);
      assert.ok(read(stdout, OUTPUTS[command] ?? "").length > 0);
    }
  }));

test("what no message describes has names in the same style", () =>
  inFolder(async () => {
    await run(["keys", "add", "ann", "--tools", "*", "--server-id", "s", "--out", "ann.json"]);
    await run(["keys", "rotate", "ann", "--grace", "7d", "--out", "ann-2.json"]);
    const keys = (await run(["keys", "list", "--json"])).stdout.trimEnd().split("\n");
    assert.is(keys.length, 2);
    for (const line of keys) assertCamelCase(JSON.parse(line));
    assert.equal(Object.keys(JSON.parse(keys[0] ?? "")), [
      "keyId",
      "clientId",
      "state",
      "tools",
      "notAfter",
      "serverSecretId",
      "createTime",
    ]);
    const signed = await run(["sign", "batch_sum", '{"numbers":[1]}', "--credentials", "ann.json"]);
    const late = ["verify", "--json", "--at", "2100-01-01T00:00:00Z"];
    const verified = JSON.parse((await run(late, { stdin: signed.stdout })).stdout);
    assertCamelCase(verified);
    assert.is(verified.failedStep, "key");
  }));

test.run();
