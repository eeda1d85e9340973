import { readCredentials, SealwireClient } from "sealwire";

/* What a program does that calls tools; prints what it came to as JSON. Run on the lowest Node that is declared. */

const credentials = await readCredentials(process.argv[2]);
const seen = {};
{
  const client = new SealwireClient({ credentials, timeoutMs: 30_000 });
  const { output } = await client.call("batch_sum", { numbers: [1, 2, 3.5] });
  seen.call = await output.json();
  const { job } = await client.call("start_long_task", { seconds: 1, payload: { a: 1 } });
  seen.states = [];
  for await (const { state } of client.job(job.jobId).watch()) {
    if (seen.states.at(-1) !== state) seen.states.push(state);
  }
  seen.job = (await (await client.job(job.jobId).result()).json()).payload;
  client.close();
}
{
  const client = new SealwireClient({ credentials, pipeline: true, timeoutMs: 30_000 });
  const calls = Array.from({ length: 20 }, (_, i) => client.call("batch_sum", { numbers: [i, 1] }));
  const totals = await Promise.all(calls.map(async (call) => (await (await call).output.json()).total));
  seen.pipeline = totals.reduce((sum, total) => sum + total, 0);
  client.close();
}
console.log(JSON.stringify(seen));
