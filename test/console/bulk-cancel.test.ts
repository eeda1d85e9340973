import type { CancelAnswer, JobsAnswer } from "../../src/console/answers.ts";
import { tokenDigest } from "../../src/files/token-lines.ts";
import { assert, suite } from "../support/suite.ts";
import { bearer, type HttpAnswer, JSON_BODY, send, signIn } from "./http-client.ts";
import { startOperatedConsole } from "./operated-console.ts";

/* The request that cancels several jobs. */
const test = suite("console/bulk-cancel");

const TOKENS = { operator: "0123456789abcdef0123456789abcdef", viewer: "fedcba9876543210fedcba9876543210" } as const;
const principals = (["operator", "viewer"] as const).map((role) => ({
  ...{ name: role, role, digest: tokenDigest(TOKENS[role]) },
}));

/** Posts to the path as somebody who has signed in. */
async function poster(origin: string, role: keyof typeof TOKENS): Promise<(body: unknown) => Promise<HttpAnswer>> {
  const { token } = (await signIn(origin, TOKENS[role])).json<{ readonly token: string }>();
  const headers = { ...JSON_BODY, ...bearer(token) };
  return (body) => send(`${origin}/api/jobs/cancel`, { method: "POST", headers, body: JSON.stringify(body) });
}

test("an operator cancels the jobs that are named, and is told what became of them; a viewer cancels none", async () => {
  await using console = await startOperatedConsole({ principals, work: false });
  const client = console.client("shop");
  const jobIds: string[] = [];
  for (let job = 0; job < 4; job += 1) {
    jobIds.push((await client.call("export_orders", { numbers: [job] })).job?.jobId ?? "");
  }
  const viewer = await poster(console.origin, "viewer");
  assert.is((await viewer({ jobIds })).status, 403);
  assert.is((await console.store.jobs.stats()).byState.QUEUED, 4);
  const operator = await poster(console.origin, "operator");
  const [first, ...others] = jobIds;
  assert.equal((await operator({ jobIds: [first] })).json<CancelAnswer>(), { cancelled: 1, stopping: 0, ended: 0 });
  const answer = (await operator({ jobIds: [...others.slice(1), "none"] })).json<CancelAnswer>();
  assert.equal(answer, { cancelled: 2, stopping: 0, ended: 1 });
  assert.is((await console.store.jobs.stats()).byState.QUEUED, 1);
});

test("a list that is none, is empty, too long or has something else in it is refused by name, and nothing is cancelled", async () => {
  await using console = await startOperatedConsole({ principals, work: false });
  const { job } = await console.client("shop").call("export_orders", { numbers: [1] });
  const jobId = job?.jobId ?? "";
  const operator = await poster(console.origin, "operator");
  const wrong = [null, {}, [], { jobIds: [] }, { jobIds: jobId }, { jobIds: [jobId, 1] }, { jobIds: [jobId, ""] }];
  for (const body of [
    ...wrong,
    { jobIds: [jobId, "two words"] },
    { jobIds: Array.from({ length: 101 }, () => jobId) },
  ]) {
    const { status, text } = await operator(body);
    assert.is(status, 400, text);
    assert.match(text, "Send jobIds, a list of 1 to 100 ids of jobs.");
  }
  assert.is((await console.store.jobs.stats()).byState.QUEUED, 1);
});

test("a job shows the trace in which it was submitted", async () => {
  await using console = await startOperatedConsole({ principals, work: false });
  const { token } = (await signIn(console.origin, TOKENS.viewer)).json<{ readonly token: string }>();
  const read = async <T>(path: string): Promise<T> =>
    (await send(`${console.origin}${path}`, { headers: bearer(token) })).json<T>();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await console.client("shop").call("export_orders", { numbers: [1] });
  await console.client("shop").call("export_orders", { numbers: [2] }, { traceparent });
  const { jobs } = await read<JobsAnswer>("/api/jobs");
  const traces = await Promise.all(jobs.map(({ jobId }) => read<{ readonly traceId?: string }>(`/api/jobs/${jobId}`)));
  assert.equal(
    traces.map((each) => each.traceId),
    [traceId, undefined],
  );
});

test.run();
