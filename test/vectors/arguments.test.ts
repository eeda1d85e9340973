import { readFileSync } from "node:fs";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { canonicalize } from "../../src/signing/canonical.ts";
import { builtinImage } from "../../src/wire/descriptors.ts";
import { WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { RawClient } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import type { ArgumentCase, ArgumentVectors } from "./argument-cases.ts";
import { fromRuns } from "./byte-runs.ts";
import { toHex } from "./vector-file.ts";

const test = suite("vectors/arguments");

const { tools, cases } = JSON.parse(
  readFileSync(new URL("arguments.json", import.meta.url), "utf8"),
) as ArgumentVectors;

let server: TestServer;
let client: RawClient;
test.before(async () => {
  server = await startServer({ clients: { alice: { tools } }, work: false });
  client = new RawClient(server.address, server.credentials());
});
test.after(async () => {
  client?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

/** What a real server makes of the call: a reason that the file knows, or else the arguments were taken. */
async function judge({ method, tool, args }: ArgumentCase): Promise<Pick<ArgumentCase, "result" | "violations">> {
  const request = { tool, type: "", typeUrl: args.typeUrl, value: fromRuns(args.value) };
  const answer = await (method === WATCH_JOB_METHOD ? client.watch(request) : client.call(request));
  const error = answer.responses.at(-1)?.error;
  const violations = (error?.violations ?? []).map(({ field, ruleId }) => ({ field, ruleId }));
  switch (error?.reason) {
    case ErrorReason.ARGS_INVALID:
      return { result: "ARGS_INVALID", violations };
    case ErrorReason.TOOL_FORBIDDEN:
      return { result: "TOOL_FORBIDDEN", violations };
    case ErrorReason.TOOL_RPC_MISMATCH:
      return { result: "TOOL_RPC_MISMATCH", violations };
    default:
      assert.ok(error === undefined || error.reason === ErrorReason.JOB_NOT_FOUND, answer.details);
      return { result: "valid", violations };
  }
}

for (const each of cases) {
  test(`call ${each.id}, ${each.flag}: ${each.comment}: ${each.result}`, async () => {
    const found = await judge(each);
    assert.is(found.result, each.result);
    if (each.flag === "Rule") assert.equal(found.violations, each.violations);
  });
}

test("the ProtoJSON of arguments is the arguments", () => {
  for (const { args, json, comment } of cases) {
    const desc = builtinImage().registry.getMessage(args.typeUrl.replace("type.googleapis.com/", ""));
    if (json === null || desc === undefined) continue;
    const again = toBinary(desc, fromJson(desc, json, { registry: builtinImage().registry }));
    assert.is(toHex(canonicalize(again, desc)), toHex(canonicalize(fromRuns(args.value), desc)), comment);
  }
});

test.run();
