import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { implement } from "../../src/tools/implement.ts";
import { thrownBy } from "../client/peers/thrown.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

/* Values without a form in JSON, where the contract has a Struct: refused by name, on either side, and never lost. */
const test = suite("e2e/free-json");

class Money {
  readonly cents = 5;
}

const UNFIT: Readonly<Record<string, readonly [unknown, string]>> = {
  "a Date": [{ when: new Date(0) }, "payload.when: a Date"],
  "a Map": [{ list: [new Map([["a", 1]])] }, "payload.list[0]: a Map"],
  "an object of a class": [{ price: new Money() }, "payload.price: a Money"],
  "a number that is not finite": [{ deep: { x: Number.NaN } }, "payload.deep.x: NaN"],
  "a bigint": [{ id: 5n }, "payload.id: a bigint"],
  "a Map in place of the Struct": [new Map(), "payload: a Map"],
};

for (const [what, [payload, message]] of Object.entries(UNFIT)) {
  test(`${what} in the input is ARGS_INVALID, and nothing is sent`, async () => {
    await using server = await startServer({ clients: { ann: {} }, tools: [demoTools()] });
    await using client = new SealwireClient({ credentials: server.credentials("ann") });
    const tools = client.tools(DemoToolServiceDefinition);
    const error = await thrownBy(() => tools.startLongTask({ seconds: 1, payload: payload as never }));
    assert.is(error.reason, "ARGS_INVALID");
    assert.match(error.message, message);
    assert.equal((await client.listJobs()).jobs, []);
  });

  // Each takes all the attempts of the job's policy.
  if (what !== "a Date") continue;
  test(`${what} in the output is a fault of the tool`, async () => {
    const tools = implement(DemoToolServiceDefinition, {
      batchSum: () => ({ count: 0, total: 0 }),
      startLongTask: async () => ({ payload: payload as never }),
    });
    await using server = await startServer({ clients: { ann: {} }, tools: [tools] });
    await using client = new SealwireClient({ credentials: server.credentials("ann") });
    const job = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 1 });
    const { reason } = await thrownBy(() => job.result({ timeoutMs: 20_000 }));
    assert.is(reason, "INTERNAL");
  });
}

test("everything that JSON holds comes back as it was", async () => {
  await using server = await startServer({ clients: { ann: {} }, tools: [demoTools()] });
  await using client = new SealwireClient({ credentials: server.credentials("ann") });
  const payload = { a: [null, true, 1.5, "x", {}, []], b: Object.assign(Object.create(null), { c: 1 }) };
  const job = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 1, payload });
  assert.equal((await job.result()).payload, { a: payload.a, b: { c: 1 } });
});

test.run();
