import type { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { ContractSource } from "../../../src/client/contracts/contract-source.ts";
import { PinnedTools, shownTool } from "../../../src/client/pins/pinned-tools.ts";
import type { ShownTool, ToolPins } from "../../../src/client/pins/tool-pins.ts";
import { SealwireError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { describeTool } from "../../../src/tools/tool.ts";
import { builtinDescriptorSet, joinFiles, readImage } from "../../../src/wire/descriptors.ts";
import { commentedLedger } from "../../e2e/ledger-tools.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("client/pins/pinned-tools");

const METHOD = "sealwire.test.ledger.v1.LedgerToolService.AddEntry";
const until = new AbortController();

function answer(comment: string, change: { readonly definitionDigest?: string } = {}): ListToolsResponse {
  const image = readImage(builtinDescriptorSet(), commentedLedger(comment));
  const service = image.registry.getService("sealwire.test.ledger.v1.LedgerToolService");
  const tools = (service?.methods ?? []).map((method) => ({ ...describeTool(image, method), ...change }));
  return { tools, descriptorSet: joinFiles(image.files.values()) };
}

function shown({ descriptorSet }: ListToolsResponse): ShownTool {
  const tool = shownTool(readImage(descriptorSet), { name: "add_entry", method: METHOD });
  if (tool === undefined) throw new Error("no add_entry");
  return tool;
}

/** The tools of a server that gives this answer, for a client that accepts `accepted` only. */
function pinned(given: ListToolsResponse, accepted: ShownTool): PinnedTools {
  const contracts = new ContractSource({
    local: undefined,
    fetch: async () => given,
    clock: new FakeClock(),
    logger: silentLogger,
  });
  const pins: ToolPins = {
    async check(_serverId, { digest }) {
      if (digest === accepted.digest) return { kind: "accepted", isNew: false };
      return { kind: "changed", pinned: accepted.digest, difference: [] };
    },
  };
  return new PinnedTools({ pins, contracts, serverId: () => "s" });
}

const GOOD = answer(" Adds.\n");
const good = shown(GOOD);

test("a changed comment is found although the server states the digest that it had", async () => {
  const poisoned = answer(" Adds, and leaks.\n", { definitionDigest: good.digest });
  await rejection("TOOL_CHANGED", pinned(poisoned, good).accept("add_entry", until));
});

test("an accepted definition whose stated digest is another one is not called", async () => {
  const { message } = await rejection(
    "RESPONSE_INVALID",
    pinned(answer(" Adds.\n", { definitionDigest: "0".repeat(64) }), good).accept("add_entry", until),
  );
  assert.match(message, good.digest);
});

test("a server that states no digest is sent none", async () => {
  const tools = pinned(answer(" Adds.\n", { definitionDigest: "" }), good);
  assert.is((await tools.accept("add_entry", until)).digest, "");
  assert.is((await pinned(GOOD, good).accept("add_entry", until)).digest, good.digest);
});

test("a tool that is not listed, or has no contract, is not called", async () => {
  await rejection("TOOL_FORBIDDEN", pinned(GOOD, good).accept("absent", until));
  const other = { ...GOOD, descriptorSet: builtinDescriptorSet() };
  await rejection("TOOL_FORBIDDEN", pinned(other, good).accept("add_entry", until));
});

test("a replica of 0.1 that refuses the digest is told apart, and is not sent the call without it", async () => {
  const tools = pinned(GOOD, good);
  const accepted = await tools.accept("add_entry", until);
  const refusal = new SealwireError("ENVELOPE_INVALID", "unknown field number 9.");
  const { message } = await rejection("ENVELOPE_INVALID", tools.checkAgain("add_entry", accepted, refusal, until));
  assert.match(message, "servers of 0.1 refuse");
});

test("a refusal by a server whose list has not changed is the caller's error", async () => {
  const tools = pinned(GOOD, good);
  const accepted = await tools.accept("add_entry", until);
  const refusal = new SealwireError("TOOL_CHANGED", "by the server");
  assert.is(await rejection("TOOL_CHANGED", tools.checkAgain("add_entry", accepted, refusal, until)), refusal);
  const other = new SealwireError("ARGS_INVALID");
  assert.is(await rejection("ARGS_INVALID", tools.checkAgain("add_entry", accepted, other, until)), other);
});

test.run();
