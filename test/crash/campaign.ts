import { setTimeout as delay } from "node:timers/promises";
import { Any } from "../../gen/google/protobuf/any.ts";
import { ATTEMPTS_KEPT_MAX } from "../../src/jobs/attempt-record.ts";
import type { Store } from "../../src/store/store.ts";
import { violations } from "./checker.ts";
import { SERVED_WITHIN_MS } from "./fate.ts";
import { History } from "./history.ts";
import { Nemesis } from "./nemesis.ts";
import type { PlantedFault } from "./planted-faults.ts";
import { SCENARIOS, type ScenarioName } from "./scenario.ts";
import { Dice } from "./seeded-random.ts";
import { CLIENT_IDS, Site } from "./site.ts";
import { readToken, Traffic } from "./traffic.ts";

/** Options of {@link runCampaign}. */
export interface CampaignOptions {
  readonly scenario: ScenarioName;
  readonly seed: number;
  /** Minimum number of killed processes. */
  readonly kills: number;
  /** Minimum number of faults of the store. Default 0. */
  readonly strikes?: number;
  /** Minimum duration of the traffic. */
  readonly atLeastMs?: number;
  /** Time limit for all jobs to end after the last fault. */
  readonly patienceMs?: number;
  readonly plant?: PlantedFault;
}

/** The result of {@link runCampaign}. */
export interface CampaignReport {
  /** A sentence for each broken promise; empty if there is none. */
  readonly violations: readonly string[];
  readonly history: History;
  /** Number of killed processes, and of each other fault. */
  readonly faults: Readonly<Record<string, number>>;
}

const LANES = 16;
const PATIENCE_MS = 600_000;

/** Runs traffic against a site while faults are injected, waits until all jobs have ended, and checks the history. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { scenario, seed, kills, strikes = 0, atLeastMs = 0, patienceMs = PATIENCE_MS, plant } = options;
  const dice = new Dice(seed);
  const history = new History();
  await using site = await Site.make(SCENARIOS[scenario]);
  const nemesis = new Nemesis({ site, history, dice: dice.split(), plant });
  try {
    const addresses = await nemesis.start();
    const calls = site.upstreams === undefined ? "own" : "upstream";
    await using traffic = new Traffic({ credentials: site.credentials, addresses, calls, history, dice: dice.split() });
    traffic.start(LANES);
    const raging = Promise.all([nemesis.rage({ kills, strikes, witness: traffic }), delay(atLeastMs)]);
    if (site.cluster !== undefined) await traffic.probe(raging);
    await raging;
    await nemesis.calm();
    const fallen = nemesis.fallen.then(() => false);
    const served = await Promise.race([traffic.servedAgain(SERVED_WITHIN_MS), fallen]);
    const patience = delay(patienceMs, false, { ref: false });
    const atRest = served && (await Promise.race([traffic.finish().then(() => true), fallen, patience]));
    if (!atRest) history.note({ kind: "unexpected", message: `no rest within ${patienceMs / 1_000} s, or ever` });
    await nemesis.stop();
  } finally {
    nemesis.killAll();
  }
  await gatherEvidence(site, history);
  return { violations: violations(history.events), history, faults: nemesis.faults };
}

/** Adds the journal of the handlers and the content of the store to the history, after every process has ended. */
export async function gatherEvidence(site: Site, history: History): Promise<void> {
  for (const event of site.readJournal()) history.note(event);
  await using store = await site.open();
  await lookAtRest(store, await site.readFailures(), history);
}

/** Records every job in the store. */
async function lookAtRest(
  { jobs, operator }: Store,
  failures: ReadonlyMap<string, number>,
  history: History,
): Promise<void> {
  for (const owner of CLIENT_IDS) {
    for (let pageToken: string | undefined, first = true; first || pageToken !== undefined; first = false) {
      const page = await jobs.list({ owner, states: [], pageSize: 500, ...(pageToken !== undefined && { pageToken }) });
      for (const { jobId, requestId, state, revision, attempt, error } of page.jobs) {
        const result = await jobs.result(owner, jobId);
        const token = state === "SUCCEEDED" && result !== null ? readToken(Any.decode(result).value) : undefined;
        const seen = { jobId, state, revision, attempt, outcome: token ?? error?.reason };
        const attempts = await operator.attempts(jobId, ATTEMPTS_KEPT_MAX + 1);
        const kept = { keptResult: result !== null, failures: failures.get(jobId) ?? 0, attempts };
        history.note({ kind: "at rest", client: owner, requestId, ...kept, ...seen });
      }
      pageToken = page.nextPageToken;
    }
  }
}
