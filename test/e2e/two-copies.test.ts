import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { SealwireError } from "../../src/errors.ts";
import { implement } from "../../src/tools/implement.ts";
import { thrownBy } from "../client/peers/thrown.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

/*
 * A process often holds two copies of the package: that of a command installed globally, and that of the project whose
 * tools it serves. A query makes Node load a module anew, as a second copy does.
 */
const test = suite("e2e/two-copies");

const SECOND = "?second-copy";
const errors: typeof import("../../src/errors.ts") = await import(`../../src/errors.ts${SECOND}`);
const handler: typeof import("../../src/tools/handler.ts") = await import(`../../src/tools/handler.ts${SECOND}`);

const tools = implement(DemoToolServiceDefinition, {
  batchSum({ numbers }) {
    if (numbers.length > 1) throw new errors.SealwireError("TOOL_FAILED", "one number at a time");
    return handler.outputBytes(BatchSumResponse.encode({ count: 7, total: 7 }).finish());
  },
  async startLongTask() {
    throw new errors.SealwireError("TOOL_FAILED", "no patience", { retryable: false });
  },
});

test("what a handler throws and returns is recognised, whichever copy made it", async () => {
  await using server = await startServer({ clients: { ann: {} }, tools: [tools] });
  await using client = new SealwireClient({ credentials: server.credentials("ann") });
  const { output } = await client.call("batch_sum", { numbers: [1] });
  assert.equal(await output?.json(), { count: 7, total: 7 });
  const error = await thrownBy(() => client.call("batch_sum", { numbers: [1, 2] }));
  assert.equal([error.reason, error.message], ["TOOL_FAILED", "one number at a time"]);
  const task = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 1, payload: undefined });
  const failure = await thrownBy(() => task.result());
  assert.equal([failure.reason, failure.message], ["TOOL_FAILED", "no patience"]);
});

test("an error of one copy is an instance of the other's class, and of no class derived from it", () => {
  class Derived extends SealwireError {}
  const foreign = new errors.SealwireError("CANCELLED");
  assert.is(errors.SealwireError === SealwireError, false);
  assert.ok(foreign instanceof SealwireError);
  assert.ok(new Derived("CANCELLED") instanceof SealwireError);
  assert.ok(new Derived("CANCELLED") instanceof Derived);
  assert.not.ok(foreign instanceof Derived);
  assert.not.ok(new Error("CANCELLED") instanceof SealwireError);
});

test.run();
