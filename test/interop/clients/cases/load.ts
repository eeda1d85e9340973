import { assert } from "../../../support/suite.ts";
import { type AgentProcess, type Answer, eventOf } from "../agent-process.ts";
import { type ClientCase, MAIN } from "../client-case.ts";

/** What may be in use after many watches beyond what was before: what the runtime keeps for itself. */
const FEW = 8;
const MOST_BYTES = 64 * 1024 * 1024;

/** Many calls and watches. */
export const loadCases: readonly ClientCase[] = [
  {
    name: "many calls at the same time are all answered",
    async run({ agent, counts: { concurrentCalls: count } }) {
      const many = agent.begin("many", { channel: MAIN, count, concurrency: count });
      assert.is((await many.answer).equal, count, JSON.stringify(many.events));
    },
  },
  {
    name: "what calls cost is measured",
    async run({ agent }) {
      const { cpuSeconds = 0, seconds = 0 } = await agent.run("measure", { channel: MAIN, count: 100 });
      assert.ok(cpuSeconds > 0 && seconds > 0, `${cpuSeconds} s of the processor, ${seconds} s`);
    },
  },
  {
    name: "random calls come back equal",
    async run({ agent, counts: { randomCalls: count } }) {
      const seed = Date.now() % 1_000_000_007;
      const random = agent.begin("random", { channel: MAIN, count, seed });
      assert.is((await random.answer).equal, count, `seed ${seed}: ${JSON.stringify(random.events)}`);
    },
  },
  {
    name: "watches that are left leave nothing behind",
    async run({ agent, counts: { watches } }) {
      const climb = { tool: "climb", requestType: "interop.v1.ClimbRequest", request: { steps: 1, stepMs: 600_000 } };
      const { jobId } = await agent.run("start", { channel: MAIN, ...climb });
      const running = agent.begin("watch", { channel: MAIN, jobId });
      await eventOf("the job runs", running, ({ job }) => (job?.state === "JOB_STATE_RUNNING" ? job : undefined));
      await agent.stop(running);
      await running.answer;
      await agent.run("watches", { channel: MAIN, jobId, count: Math.ceil(watches / 10) });
      const before = await settledResources(agent);
      assert.is((await agent.run("watches", { channel: MAIN, jobId, count: watches })).left, watches);
      const after = await settledResources(agent);
      await agent.run("cancelJob", { channel: MAIN, jobId });
      const told = `before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`;
      for (const kind of ["tasks", "threads", "files"] as const) {
        assert.ok((after[kind] ?? 0) <= (before[kind] ?? 0) + FEW, told);
      }
      assert.ok((after.memoryBytes ?? 0) <= (before.memoryBytes ?? 0) + MOST_BYTES, told);
    },
  },
];

/** What an agent uses once streams that were just cancelled are gone. */
async function settledResources(agent: AgentProcess): Promise<Answer> {
  let least = await agent.run("resources", {});
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const next = await agent.run("resources", {});
    if ((next.tasks ?? 0) <= (least.tasks ?? 0)) least = next;
  }
  return least;
}
