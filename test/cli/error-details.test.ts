import { QuotaFailure } from "../../gen/google/rpc/error_details.ts";
import { SealwireError } from "../../src/errors.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testArgs, testService } from "../support/test-service.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/error-details");

const QUOTA_FAILURE = QuotaFailure.encode(
  QuotaFailure.fromPartial({ violations: [{ subject: "files", description: "all used\u009b" }] }),
).finish();
const fail = () => {
  throw new SealwireError("TOOL_FAILED", "no room", {
    details: [
      { typeUrl: "type.googleapis.com/google.rpc.QuotaFailure", value: QUOTA_FAILURE },
      { typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", value: testArgs(1, Number.NaN) },
      { typeUrl: "type.googleapis.com/google.rpc.QuotaFailure", value: Buffer.from([0xff]) },
      { typeUrl: "example.com/unknown.v1.Detail", value: Buffer.from([0, 255]) },
    ],
  });
};
const QUOTA = { "@type": "type.googleapis.com/google.rpc.QuotaFailure" };
const DETAILS = [
  { ...QUOTA, violations: [{ subject: "files", description: "all used\u009b" }] },
  { "@type": "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", numbers: [1, "NaN"] },
  { ...QUOTA, value: "/w==" },
  { "@type": "example.com/unknown.v1.Detail", value: "AP8=" },
];

function serving(body: () => Promise<void>): Promise<void> {
  return inFolder(async () => {
    const { tools, descriptors } = testService({ Fail: { run: fail }, Work: { job: { maxAttempts: 1 }, run: fail } });
    await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
    await writeCredentials("client.json", server.credentials());
    await body();
  });
}

/** The JSON of the lines that show a detail. */
function shownDetails(text: string): unknown[] {
  return [...text.matchAll(/^ *detail:? +(\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? ""));
}

const call = (tool: string, ...options: readonly string[]) =>
  run(["call", tool, '{"numbers":[1]}', "--credentials", "client.json", ...options]);

test("the details of a failed call or job are shown, as JSON where their types are known, else as bytes", () =>
  serving(async () => {
    for (const tool of ["fail", "work"]) {
      const { code, stdout, stderr } = await call(tool);
      assert.equal([code, stdout], [1, ""]);
      assert.match(stderr, "error: TOOL_FAILED: no room\n");
      assert.equal(shownDetails(stderr), DETAILS);
      assert.not.match(stderr, "\u009b");
    }
  }));

test("a job's details are in its JSON, and in what `jobs get` shows", () =>
  serving(async () => {
    const { job } = JSON.parse((await call("work", "--detach")).stdout);
    const of = (...args: readonly string[]) => run(["jobs", ...args, "--credentials", "client.json"]);
    const watched = (await of("watch", job.jobId, "--json")).stdout.trimEnd().split("\n").at(-1) ?? "";
    for (const json of [watched, (await of("get", job.jobId, "--json")).stdout, (await of("list", "--json")).stdout]) {
      assert.equal(JSON.parse(json).job.error.details, DETAILS);
    }
    assert.equal(shownDetails((await of("get", job.jobId)).stdout), DETAILS);
  }));

test.run();
