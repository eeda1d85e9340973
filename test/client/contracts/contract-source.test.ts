import { create } from "@bufbuild/protobuf";
import type { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { encodeArguments } from "../../../src/client/calls/arguments.ts";
import { ToolOutput } from "../../../src/client/calls/tool-output.ts";
import { ContractSource } from "../../../src/client/contracts/contract-source.ts";
import { findLocalContract } from "../../../src/client/contracts/contracts.ts";
import { SealwireError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { describeTool } from "../../../src/tools/tool.ts";
import {
  builtinDescriptorSet,
  builtinImage,
  imageWith,
  joinFiles,
  messageDesc,
} from "../../../src/wire/descriptors.ts";
import { entryDesc, ledgerImage } from "../../e2e/ledger-tools.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { TEST_INPUT, testService } from "../../support/test-service.ts";
import { sumArgs, sumResult } from "../peers/numbers.ts";

const test = suite("client/contracts/contract-source");

const service = ledgerImage.registry.getService("sealwire.test.ledger.v1.LedgerToolService");
const ledgerAnswer: ListToolsResponse = {
  tools: (service?.methods ?? []).map((method) => describeTool(ledgerImage, method)),
  descriptorSet: joinFiles(ledgerImage.files.values()),
};
const anyDesc = messageDesc(builtinImage(), "google.protobuf.Any");
/** A contract with a tool that has the name of one of the operator's. */
const { descriptors: keysContract } = testService({ ListKeys: { run: () => 0 } });
const noTools: ListToolsResponse = { tools: [], descriptorSet: builtinDescriptorSet() };

const SILENT = { local: undefined, clock: new FakeClock(), logger: silentLogger };

/** A source whose fetches bring these in turn; an Error is thrown. */
function sourceOf(...answers: (ListToolsResponse | Error)[]) {
  const state = { fetches: 0 };
  const clock = new FakeClock();
  const source = new ContractSource({
    ...SILENT,
    clock,
    fetch: async () => {
      const answer = answers[Math.min(state.fetches, answers.length - 1)];
      state.fetches += 1;
      if (answer instanceof Error || answer === undefined) throw answer;
      return answer;
    },
  });
  return { source, state, clock };
}

test("system tools are known without asking, others are asked for once", async () => {
  const { source, state } = sourceOf(ledgerAnswer);
  assert.is((await source.forTool("poll_job")).input.typeName, "sealwire.system.v1.PollJobRequest");
  assert.is((await source.forMethod("sealwire.demo.v1.DemoToolService.BatchSum")).tool, "batch_sum");
  assert.is(state.fetches, 0);
  const [one, two] = await Promise.all([source.forTool("add_entry"), source.forTool("close_year")]);
  assert.equal([one.tool, two.tool], ["add_entry", "close_year"]);
  assert.is((await source.forMethod("sealwire.test.ledger.v1.LedgerToolService.CheckEntry")).tool, "check_entry");
  assert.is((await source.forMessage(entryDesc.typeName)).typeName, entryDesc.typeName);
  assert.is(state.fetches, 1);
});

test("a misspelt tool or method is told by its nearest name", async () => {
  const { source } = sourceOf(ledgerAnswer);
  const service = "sealwire.test.ledger.v1.LedgerToolService";
  const messageOf = async (asked: Promise<unknown>) => (await rejection("TOOL_FORBIDDEN", asked)).message;
  assert.match(await messageOf(source.forTool("ad_entry")), /no tool "ad_entry"; did you mean add_entry\?$/);
  assert.match(await messageOf(source.forMethod(`${service}.checkentry`)), `did you mean ${service}.CheckEntry?`);
  assert.not.match(await messageOf(source.forMethod(`${service}.Unlike`)), "did you mean");
  assert.not.match(await messageOf(source.forMethod("sealwire.test.ledger.v2.LedgerToolService.CheckEntry")), "mean");
});

test("demo tools are asked for by name, since a server may have its own", async () => {
  const { source } = sourceOf(noTools);
  await rejection("TOOL_FORBIDDEN", source.forTool("batch_sum"));
});

test("a list that lacks a tool is asked for again, once for each question", async () => {
  const { source, state } = sourceOf(noTools, ledgerAnswer);
  await rejection("TOOL_FORBIDDEN", source.forTool("add_entry"));
  assert.is(state.fetches, 1);
  assert.is((await source.forTool("add_entry")).tool, "add_entry");
  assert.is(state.fetches, 2);
  await rejection("TOOL_FORBIDDEN", source.forTool("no_such_tool"));
  assert.is(state.fetches, 3);
});

test("a fetch that failed is not kept", async () => {
  const { source, state } = sourceOf(new SealwireError("UNREACHABLE"), ledgerAnswer);
  await rejection("UNREACHABLE", source.forTool("add_entry"));
  assert.is((await source.forTool("add_entry")).tool, "add_entry");
  assert.is(state.fetches, 2);
});

test("who gives up leaves the fetch to the others", async () => {
  const { promise, resolve } = Promise.withResolvers<ListToolsResponse>();
  const source = new ContractSource({ ...SILENT, fetch: () => promise });
  const impatient = new AbortController();
  const gaveUp = rejection("CANCELLED", source.forTool("add_entry", impatient));
  const patient = source.forTool("add_entry");
  impatient.abort(new SealwireError("CANCELLED"));
  await gaveUp;
  resolve(ledgerAnswer);
  assert.is((await patient).tool, "add_entry");
});

test("a list that is a minute old is fetched again while it is used, and stays in use if that fails", async () => {
  const changed = { ...ledgerAnswer, tools: ledgerAnswer.tools.slice(1) };
  const { source, state, clock } = sourceOf(ledgerAnswer, new SealwireError("UNREACHABLE"), changed);
  const first = await source.fromServer();
  clock.advance(59_999);
  assert.is(await source.fromServer(), first);
  assert.is(state.fetches, 1);
  clock.advance(1);
  assert.is(await source.fromServer(), first);
  assert.is(state.fetches, 2);
  clock.advance(60_000);
  assert.is(await source.fromServer(), first);
  await eventually("the newer list", async () => (await source.fromServer()) !== first);
  assert.is((await source.fromServer()).listed.length, changed.tools.length);
  assert.is(state.fetches, 3);
});

test("a list is fetched again for whom it was too old", async () => {
  const { source, state } = sourceOf(ledgerAnswer);
  const first = await source.fromServer();
  const second = await source.fromServer(undefined, first);
  assert.is.not(second, first);
  assert.is(await source.fromServer(undefined, first), second);
  assert.is(state.fetches, 2);
});

test("a given image answers before the server", async () => {
  const source = new ContractSource({ ...SILENT, local: ledgerImage, fetch: () => Promise.reject(new Error("asked")) });
  assert.is((await source.forTool("add_entry")).input, entryDesc);
  assert.is((await source.forMessage(entryDesc.typeName)).typeName, entryDesc.typeName);
});

test("a name that two services have is not guessed", () => {
  assert.is(findLocalContract(builtinImage(), "batch_sum")?.output.typeName, "sealwire.demo.v1.BatchSumResponse");
  assert.is(findLocalContract(builtinImage(), "call"), undefined);
  assert.is(findLocalContract(builtinImage(), "check"), undefined);
});

test("arguments are JSON, a message of the right type, or bytes left as they are", async () => {
  const contract = findLocalContract(ledgerImage, "add_entry");
  if (contract === undefined) throw new Error("the ledger has no add_entry");
  const fromText = encodeArguments(contract, { cents: -1, tags: { b: 2 } });
  assert.is(fromText.typeUrl, `type.googleapis.com/${entryDesc.typeName}`);
  const message = Object.assign(create(entryDesc), { cents: -1, tags: { b: 2 } });
  assert.equal(encodeArguments(contract, message), fromText);
  assert.is(encodeArguments(contract, sumArgs), sumArgs);
  const refused = (error: SealwireError): boolean => error.reason === "ARGS_INVALID";
  assert.throws(() => encodeArguments(contract, create(anyDesc)), refused);
  assert.throws(() => encodeArguments(contract, { cents: "x" }), refused);
});

test("keys that JavaScript treats specially reach the wire and come back", async () => {
  const contract = findLocalContract(builtinImage(), "start_long_task");
  if (contract === undefined) throw new Error("there is no start_long_task");
  const text = '{"payload":{"__proto__":{"__proto__":[1]},"constructor":null,"😀":"\\u0000","":[{}]},"seconds":1}';
  const { value } = encodeArguments(contract, JSON.parse(text));
  const { source } = sourceOf(noTools);
  const output = new ToolOutput(
    { typeUrl: "type.googleapis.com/sealwire.demo.v1.StartLongTaskRequest", value },
    source,
  );
  assert.equal(JSON.parse(JSON.stringify(await output.json())), JSON.parse(text));
  assert.match(JSON.stringify(await output.json()), '"__proto__":{"__proto__":[1]}');
});

test("an output whose Any holds a type that only the server knows is read with its descriptors", async () => {
  const { source, state } = sourceOf(ledgerAnswer);
  const job = findLocalContract(builtinImage(), "poll_job");
  if (job === undefined) throw new Error("there is no poll_job");
  const entry = encodeArguments(findLocalContract(ledgerImage, "add_entry") ?? job, { cents: 5 });
  const answer = Object.assign(create(job.output), {
    output: Object.assign(create(anyDesc), entry),
  });
  const { value } = encodeArguments({ ...job, input: job.output }, answer);
  const output = new ToolOutput({ typeUrl: `type.googleapis.com/${job.output.typeName}`, value }, source);
  assert.equal(await output.json(), { output: { "@type": entry.typeUrl, cents: 5 } });
  assert.is(state.fetches, 1);
});

test("an output of a type that nobody knows, or of damaged bytes, is told so", async () => {
  const { source } = sourceOf(noTools);
  await rejection(
    "OPTIONS_INVALID",
    new ToolOutput({ ...sumResult, typeUrl: "type.googleapis.com/no.Such" }, source).json(),
  );
  const damaged = new ToolOutput({ ...sumResult, value: Buffer.from([0xff]) }, source);
  await rejection("RESPONSE_INVALID", damaged.json());
  await rejection("RESPONSE_INVALID", damaged.message());
  assert.is((await new ToolOutput(sumResult, source).message()).$typeName, "sealwire.demo.v1.BatchSumResponse");
});

test("a tool with the name of an operator's tool comes before that one", () => {
  assert.is(findLocalContract(builtinImage(), "list_keys")?.input.typeName, "sealwire.operator.v1.ListKeysRequest");
  assert.is(findLocalContract(imageWith([keysContract]), "list_keys")?.input.typeName, TEST_INPUT);
});

test.run();
