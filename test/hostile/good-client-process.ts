import { readFileSync } from "node:fs";
import { BatchSumRequest } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { SealwireError } from "../../src/errors.ts";
import { parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";

/*
 * The honest client of the hostile suite, in a process of its own: `node good-client-process.ts CREDENTIALS ADDRESS
 * CALLS_PER_SECOND`. It calls batch_sum at a steady rate on one connection and never tries again, so that a refusal shows.
 * Asked by any message, it answers with what came of the calls that were due since the last one.
 */

/** What came of the calls of one interval. */
export interface GoodCalls {
  /** From when a call was due to its verified answer, in milliseconds. */
  readonly tookMs: readonly number[];
  /** The reasons that calls failed with, and how many did with each. */
  readonly failures: Readonly<Record<string, number>>;
}

/** A call that is held up for longer fails: twenty times what the costliest attack costs. */
const TIMEOUT_MS = 5_000;
const [, , credentialsPath, address, callsPerSecond] = process.argv as [string, string, string, string, string];
const credentials = parseCredentials(readFileSync(credentialsPath));
const client = new SealwireClient({ credentials, address, timeoutMs: TIMEOUT_MS, retry: { maxAttempts: 1 } });
const SUM = {
  typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`,
  value: BatchSumRequest.encode({ numbers: [1, 2, 3.5] }).finish(),
};
const intervalMs = 1000 / Number(callsPerSecond);

let tookMs: number[] = [];
let failures: Record<string, number> = {};
let pending: Promise<void>[] = [];

async function call(dueMs: number): Promise<void> {
  const [took, failed] = [tookMs, failures];
  try {
    await client.call("batch_sum", SUM);
    took.push(performance.now() - dueMs);
  } catch (error) {
    const reason = error instanceof SealwireError ? error.reason : String(error);
    failed[reason] = (failed[reason] ?? 0) + 1;
  }
}

await call(performance.now());
if (tookMs.length === 0) throw new Error(`the first call failed: ${Object.keys(failures)}`);
process.on("message", () => {
  // On a machine that let this process do nothing since the last one, a call is due now.
  if (pending.length === 0) pending.push(call(performance.now()));
  const result: GoodCalls = { tookMs, failures };
  const open = pending;
  [tookMs, failures, pending] = [[], {}, []];
  void Promise.all(open).then(() => process.send?.(result));
});
process.on("disconnect", () => process.exit());
process.send?.({ tookMs, failures } satisfies GoodCalls);

let dueMs = performance.now();
setInterval(() => {
  // A call that is due while this process waits for a core is late, and counts as late.
  for (; dueMs <= performance.now(); dueMs += intervalMs) pending.push(call(dueMs));
}, intervalMs);
