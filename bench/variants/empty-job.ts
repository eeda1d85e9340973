import { machineMs } from "../process/machine-time.ts";
import { type SealwireTarget, sealwire } from "./sealwire.ts";
import { type StoreName, stores } from "./sealwire-stores.ts";
import type { Variant } from "./variant.ts";
import { ARGS } from "./work.ts";

const TOOL = "empty_job";
const OPEN_JOBS = 1_000_000_000;

/** Jobs accepted by Sealwire: signed calls, answered after the durable commit. Nothing runs them. */
export function jobAccepts(store: StoreName): Variant<SealwireTarget> {
  return emptyJobs(store, false);
}

/** Empty jobs, from the call until the caller has the verified result. */
export function jobDone(store: StoreName): Variant<SealwireTarget> {
  return followed(store, () => undefined);
}

/** From the return of an empty job's handler until its watcher has the verified terminal state. */
export function jobSettled(store: StoreName): Variant<SealwireTarget> {
  return followed(store, (returnedAtMs) => machineMs() - returnedAtMs);
}

function emptyJobs(store: StoreName, work: boolean): Variant<SealwireTarget> {
  const { title, open } = stores[store];
  return sealwire({
    title,
    openStore: open,
    options: async () => {
      const { testService } = await import("../../test/support/test-service.ts");
      const { tools, descriptors } = testService({ EmptyJob: { job: {}, run: machineMs } });
      const clients = { alice: { limits: { openJobs: OPEN_JOBS } } };
      return { tools: [tools], descriptors: [descriptors], clients, ...(work ? {} : { work: false }) };
    },
    // Only the answer of an accepted job contains the tool's name.
    call: { tool: TOOL, expected: Buffer.from(TOOL) },
  });
}

/** Starts jobs and watches each to its end. `took` receives the job's result. */
function followed(store: StoreName, took: (total: number) => number | undefined): Variant<SealwireTarget> {
  const { title, serve } = emptyJobs(store, true);
  return {
    title,
    serve,
    async connect({ credentials }) {
      const { SealwireClient } = await import("../../src/client/client.ts");
      const { parseCredentials } = await import("../../src/signing/key-ring/credentials.ts");
      const { BatchSumResponse } = await import("../../gen/sealwire/demo/v1/batch_sum.ts");
      const { TEST_INPUT } = await import("../../test/support/test-service.ts");
      const { ClientLoad } = await import("../load/client-load.ts");
      const client = new SealwireClient({ credentials: parseCredentials(Buffer.from(credentials)) });
      const args = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: ARGS };
      const run = async (): Promise<number | undefined> => {
        const { job } = await client.call(TOOL, args);
        const { value } = await client.job(job?.jobId ?? "").result();
        return took(BatchSumResponse.decode(value).total);
      };
      return new ClientLoad(run, () => client.close());
    },
  };
}
