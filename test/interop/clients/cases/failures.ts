import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../../support/eventually.ts";
import { assert } from "../../../support/suite.ts";
import {
  BATCH_SUM,
  beginCall,
  type ClientCase,
  call,
  checkSum,
  MAIN,
  SLEEP,
  START_LONG_TASK,
  verdict,
  withChannel,
} from "../client-case.ts";
import { shiftedServer } from "../shifted-server.ts";

const TEN_MINUTES_MS = 600_000;
/** A deadline or a cancel that takes longer is not prompt, even on a busy machine. */
const PROMPT_MS = 10_000;

/** Calls that are refused, and calls that end early. */
export const failureCases: readonly ClientCase[] = [
  {
    name: "five violations are told by field and rule",
    async run({ agent }) {
      const answer = await call(agent, BATCH_SUM, { numbers: ["NaN", 1, "Infinity", "NaN", "-Infinity", "NaN"] });
      assert.is(verdict(answer), "INVALID_ARGUMENT ARGS_INVALID");
      assert.equal(
        answer.error?.violations?.map(({ field, ruleId }) => `${field} ${ruleId}`),
        [0, 2, 3, 4, 5].map((index) => `numbers[${index}] double.finite`),
      );
    },
  },
  {
    name: "a refusal tells its reason",
    async run({ agent, server }) {
      const limited = await server.addClient(`limited-${Date.now()}`, "start_long_task");
      await withChannel(agent, { credentials: limited }, async (channel) => {
        const types = {
          requestType: "sealwire.demo.v1.BatchSumRequest",
          responseType: "sealwire.demo.v1.BatchSumResponse",
        };
        const byName = await agent.run("tool", { channel, tool: "batch_sum", request: {}, ...types });
        assert.is(verdict(byName), "PERMISSION_DENIED TOOL_FORBIDDEN");
        assert.is((await call(agent, BATCH_SUM, {}, { channel })).status, "UNIMPLEMENTED");
      });
      const job = await agent.run("state", { channel: MAIN, jobId: "no-such-job" });
      assert.is(verdict(job), "NOT_FOUND JOB_NOT_FOUND");
    },
  },
  {
    name: "a call ends with its deadline",
    async run({ agent }) {
      const startedAt = performance.now();
      const { status } = await call(agent, SLEEP, {}, { timeoutMs: 500 });
      assert.is(status, "DEADLINE_EXCEEDED");
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs >= 400 && tookMs < PROMPT_MS, `after ${tookMs} ms`);
      const job = await call(agent, START_LONG_TASK, { seconds: 20 }, { timeoutMs: 1500 });
      assert.is(job.status, "DEADLINE_EXCEEDED");
    },
  },
  {
    name: "a call is cancelled, and its job with it if that is asked for",
    async run({ agent }) {
      const sleeping = beginCall(agent, SLEEP, {});
      const metadata = { "sealwire-cancel-on-abandon": "true", "sealwire-request-id": `abandon-${Date.now()}` };
      const job = beginCall(agent, START_LONG_TASK, { seconds: 20 }, { metadata });
      const started = await eventually("the job", async () => {
        const { jobs = [] } = await agent.run("listJobs", { channel: MAIN, tool: "start_long_task", pageSize: 10 });
        return jobs.find(({ requestId }) => requestId === metadata["sealwire-request-id"]);
      });
      await agent.stop(sleeping);
      await agent.stop(job);
      assert.is((await sleeping.answer).status, "CANCELLED");
      assert.is((await job.answer).status, "CANCELLED");
      await eventually("the job is cancelled", async () => {
        const { job: state } = await agent.run("state", { channel: MAIN, jobId: started.jobId });
        return state?.state === "JOB_STATE_CANCELLED";
      });
    },
  },
  {
    name: "a clock that is ten minutes off is corrected by a verified answer",
    async run({ agent }) {
      for (const offsetMs of [TEN_MINUTES_MS, -TEN_MINUTES_MS]) {
        await using server = await shiftedServer(offsetMs);
        await withChannel(agent, { credentials: server.credentials }, async (channel) => {
          await checkSum(agent, { channel });
          const job = await call(agent, START_LONG_TASK, { seconds: 1 }, { channel });
          assert.is(job.status, "OK", JSON.stringify(job));
        });
      }
    },
  },
  {
    name: "credentials that cannot be used are refused here, naming the field, without a secret",
    async run({ agent, credentials, folder }) {
      const whole = JSON.parse(await readFile(credentials, "utf8"));
      const path = join(folder, "client.json");
      const refused = async (text: string, mode: number, named: RegExp): Promise<void> => {
        await writeFile(path, text, { mode: 0o600 });
        await chmod(path, mode);
        const { failure = "it was accepted" } = await agent.run("open", { channel: "bad", credentials: path });
        assert.match(failure, named);
        for (const secret of [whole.request_key, whole.response_key]) assert.not.match(failure, secret.slice(4, 30));
      };
      const changed = (fields: object): string => JSON.stringify({ ...whole, ...fields });
      await refused(JSON.stringify(whole), 0o644, /client\.json.*(?:chmod|others|readable)|0?600/s);
      await refused("{", 0o600, /client\.json/);
      await refused("[]", 0o600, /client\.json/);
      await refused(changed({ request_key: `${whole.request_key.slice(0, 20)}` }), 0o600, /request_key/);
      await refused(changed({ response_key: whole.request_key }), 0o600, /response_key/);
      await refused(changed({ client_id: undefined }), 0o600, /client_id/);
      await refused(changed({ key_id: 7 }), 0o600, /key_id/);
      await refused(changed({ server_id: "" }), 0o600, /server_id/);
      const missing = await agent.run("open", { channel: "bad", credentials: join(folder, "absent.json") });
      assert.match(String(missing.failure), /absent\.json/);
      await chmod(path, 0o600);
    },
  },
  {
    name: "plain text to another machine must be allowed",
    async run({ agent, credentials }) {
      const inline = { ...JSON.parse(await readFile(credentials, "utf8")), address: "192.0.2.1:443" };
      const { failure = "it was accepted" } = await agent.run("open", { channel: "remote", inline });
      assert.match(failure, /TLS|tls|plain/);
    },
  },
  {
    name: "credentials that are replaced are used from the next call on, and once a key is refused",
    async run({ agent, server, folder }) {
      const path = join(folder, "replaced.json");
      const clientId = `replaced-${Date.now()}`;
      const text = await readFile(await server.addClient(clientId), "utf8");
      await writeFile(path, text, { mode: 0o600 });
      await withChannel(agent, { credentials: path }, async (channel) => {
        await checkSum(agent, { channel });
        await writeFile(path, await readFile(await server.rotate(clientId), "utf8"), { mode: 0o600 });
        await server.revoke(JSON.parse(text).key_id);
        await checkSum(agent, { channel });
      });
      await writeFile(path, text, { mode: 0o600 });
      await withChannel(agent, { credentials: path }, async (channel) => {
        assert.is((await call(agent, BATCH_SUM, {}, { channel })).status, "UNAUTHENTICATED");
      });
    },
  },
  {
    name: "credentials come from the environment and from memory, too",
    async run({ agent, agentWith, credentials }) {
      const inline = JSON.parse(await readFile(credentials, "utf8"));
      await withChannel(agent, { inline }, async (channel) => void (await checkSum(agent, { channel })));
      await using other = agentWith({ SEALWIRE_CREDENTIALS: credentials });
      await withChannel(other, { environment: true }, async (channel) => void (await checkSum(other, { channel })));
      assert.is(await other.end(), 0);
    },
  },
];
