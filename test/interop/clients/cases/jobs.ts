import { eventually } from "../../../support/eventually.ts";
import { assert } from "../../../support/suite.ts";
import { type AgentEvent, eventOf } from "../agent-process.ts";
import { beginCall, CLIMB, type ClientCase, call, MAIN, START_LONG_TASK, verdict } from "../client-case.ts";

const TASK = { tool: "start_long_task", requestType: "sealwire.demo.v1.StartLongTaskRequest" };
const TASK_OUTPUT = "sealwire.demo.v1.StartLongTaskResponse";

/** Checks the messages of a `Climb`: rising progress, then the height. */
export function checkClimb(events: readonly AgentEvent[], steps: number): void {
  const messages = events.flatMap(({ message }) => (message === undefined ? [] : [message]));
  const completed = messages.flatMap(({ progress }) =>
    progress === undefined ? [] : [Number((progress as { completed?: string }).completed ?? 0)],
  );
  assert.ok(completed.length > 0, JSON.stringify(events));
  assert.equal(
    completed,
    [...new Set(completed)].sort((one, other) => one - other),
  );
  assert.is(messages.length, completed.length + 1);
  assert.is(messages.at(-1)?.height, String(steps));
}

/** Jobs, through stubs and handles. */
export const jobCases: readonly ClientCase[] = [
  {
    name: "a unary job method ends with the output of its job",
    async run({ agent }) {
      const payload = { greeting: "süß 🦭" };
      const { status, response, metadata } = await call(agent, START_LONG_TASK, { seconds: 1, payload });
      assert.equal([status, response?.payload], ["OK", payload]);
      assert.ok(metadata?.["sealwire-job-id"]);
      assert.ok(metadata?.["sealwire-request-id"]);
    },
  },
  {
    name: "a streaming job method tells its progress, then its output",
    async run({ agent }) {
      const climbing = beginCall(agent, CLIMB, { steps: 5, stepMs: 100 });
      const { status, metadata } = await climbing.answer;
      assert.is(status, "OK", JSON.stringify(await climbing.answer));
      assert.ok(metadata?.["sealwire-job-id"]);
      checkClimb(climbing.events, 5);
    },
  },
  {
    name: "a job is started, watched, asked for and read by its handle",
    async run({ agent }) {
      const requestId = `handle-${Date.now()}`;
      const request = { seconds: 1, payload: { n: 1 } };
      const { jobId, requestId: named } = await agent.run("start", { channel: MAIN, ...TASK, request, requestId });
      assert.is(named, requestId);
      assert.ok(jobId);
      const again = await agent.run("start", { channel: MAIN, ...TASK, request, requestId });
      assert.is(again.jobId, jobId);
      const watch = agent.begin("watch", { channel: MAIN, jobId });
      assert.match(String((await watch.answer).state), /SUCCEEDED$/);
      const revisions = watch.events.map(({ job }) => Number(job?.revision));
      assert.equal(
        revisions,
        [...new Set(revisions)].sort((one, other) => one - other),
      );
      const { job } = await agent.run("state", { channel: MAIN, jobId });
      assert.equal([job?.state, job?.tool], ["JOB_STATE_SUCCEEDED", "start_long_task"]);
      const result = await agent.run("result", { channel: MAIN, jobId, responseType: TASK_OUTPUT });
      assert.equal([result.status, result.response?.payload], ["OK", { n: 1 }]);
      const rest = agent.begin("watch", { channel: MAIN, jobId, afterRevision: Number(job?.revision) - 1 });
      await rest.answer;
      assert.equal(
        rest.events.map(({ job }) => job?.revision),
        [job?.revision],
      );
    },
  },
  {
    name: "a job is cancelled, and its result is a failure with its reason",
    async run({ agent }) {
      const { jobId } = await agent.run("start", { channel: MAIN, ...TASK, request: { seconds: 20 } });
      const waiting = agent.begin("result", { channel: MAIN, jobId, responseType: TASK_OUTPUT });
      const { job } = await agent.run("cancelJob", { channel: MAIN, jobId });
      assert.is(job?.jobId, jobId);
      assert.is(verdict(await waiting.answer), "CANCELLED CANCELLED");
      const watch = await agent.run("watch", { channel: MAIN, jobId });
      assert.match(String(watch.state), /CANCELLED$/);
    },
  },
  {
    name: "jobs are listed, over all pages",
    async run({ agent }) {
      const start = () => agent.run("start", { channel: MAIN, ...TASK, request: { seconds: 20 } });
      const started = (await Promise.all([start(), start(), start()])).map(({ jobId }) => jobId);
      const open = { channel: MAIN, tool: TASK.tool, states: ["QUEUED", "RUNNING"], pageSize: 2 };
      const { jobs = [] } = await agent.run("listJobs", open);
      for (const jobId of started) assert.ok(jobs.some((job) => job.jobId === jobId));
      assert.is(new Set(jobs.map(({ jobId }) => jobId)).size, jobs.length);
      for (const jobId of started) await agent.run("cancelJob", { channel: MAIN, jobId });
      const { jobs: none } = await agent.run("listJobs", { ...open, tool: "interop_none" });
      assert.equal(none, []);
    },
  },
  {
    name: "watch_jobs follows every job until it is stopped",
    async run({ agent }) {
      const following = agent.begin("watchJobs", { channel: MAIN });
      const { jobId: first } = await agent.run("start", { channel: MAIN, ...TASK, request: { seconds: 1 } });
      const ends = (jobId: string | undefined, state: string) => () =>
        following.events.some(({ job }) => job?.jobId === jobId && job?.state.endsWith(state));
      await eventually("the first job's end", ends(first, "SUCCEEDED"));
      const { jobId: second } = await agent.run("start", { channel: MAIN, ...TASK, request: { seconds: 20 } });
      await eventually("the second job", ends(second, "RUNNING"));
      await agent.run("cancelJob", { channel: MAIN, jobId: second });
      await eventually("the second job's end", ends(second, "CANCELLED"));
      await agent.stop(following);
      await following.answer;
    },
  },
  {
    name: "calls and watches go on when the server is killed and started again",
    async run({ agent, server }) {
      const climbing = beginCall(agent, CLIMB, { steps: 15, stepMs: 200 });
      const task = beginCall(agent, START_LONG_TASK, { seconds: 3, payload: { n: 2 } });
      const { jobId } = await agent.run("start", { channel: MAIN, ...TASK, request: { seconds: 3 } });
      const watch = agent.begin("watch", { channel: MAIN, jobId });
      await eventOf("a step", climbing, ({ message }) => message?.progress);
      await eventOf("a state", watch, ({ job }) => (job?.state === "JOB_STATE_RUNNING" ? job : undefined));
      await server.restart("SIGKILL");
      const climbed = await climbing.answer;
      assert.is(climbed.status, "OK", JSON.stringify(climbed));
      assert.is(climbing.events.findLast(({ message }) => message)?.message?.height, "15");
      const done = await task.answer;
      assert.equal([done.status, done.response?.payload], ["OK", { n: 2 }]);
      assert.match(String((await watch.answer).state), /SUCCEEDED$/);
    },
  },
];
