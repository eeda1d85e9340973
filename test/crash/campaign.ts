import { setTimeout as delay } from "node:timers/promises";
import { Any } from "../../gen/google/protobuf/any.ts";
import type { Store } from "../../src/store/store.ts";
import { violations } from "./checker.ts";
import { History } from "./history.ts";
import { Nemesis } from "./nemesis.ts";
import type { PlantedFault } from "./planted-faults.ts";
import { SCENARIOS, type ScenarioName } from "./scenario.ts";
import { Dice } from "./seeded-random.ts";
import { CLIENT_IDS, Site } from "./site.ts";
import { readToken, Traffic } from "./traffic.ts";

/** What {@link runCampaign} is given. */
export interface CampaignOptions {
  readonly scenario: ScenarioName;
  readonly seed: number;
  /** How many processes are killed at least. */
  readonly kills: number;
  /** How often the store is struck at least. Default 0. */
  readonly strikes?: number;
  /** How long traffic goes on at least. */
  readonly atLeastMs?: number;
  /** How long everything may take to come to rest when nothing strikes any more. */
  readonly patienceMs?: number;
  readonly plant?: PlantedFault;
}

/** What {@link runCampaign} saw. */
export interface CampaignReport {
  /** Each broken promise in a sentence; none, if all is well. */
  readonly violations: readonly string[];
  readonly history: History;
  /** How many processes were killed, and how often each other fault struck. */
  readonly faults: Readonly<Record<string, number>>;
}

const LANES = 16;
const PATIENCE_MS = 600_000;
/** How soon every server serves everybody once nothing strikes any more. */
const SERVED_WITHIN_MS = 10_000;

/** Runs traffic against a site that is destroyed over and over, lets it come to rest, and checks what was seen. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { scenario, seed, kills, strikes = 0, atLeastMs = 0, patienceMs = PATIENCE_MS, plant } = options;
  const dice = new Dice(seed);
  const history = new History();
  await using site = await Site.make(SCENARIOS[scenario]);
  const nemesis = new Nemesis({ site, history, dice: dice.split(), plant });
  try {
    const addresses = await nemesis.start();
    await using traffic = new Traffic({ credentials: site.credentials, addresses, history, dice: dice.split() });
    traffic.start(LANES);
    await Promise.all([nemesis.rage({ kills, strikes, witness: traffic }), delay(atLeastMs)]);
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

/** Adds what handlers wrote down and what the store holds, once every process of the site is gone. */
export async function gatherEvidence(site: Site, history: History): Promise<void> {
  for (const event of site.readJournal()) history.note(event);
  await using store = await site.open();
  await lookAtRest(store, history);
}

/** Notes every job that the store holds. */
async function lookAtRest({ jobs }: Store, history: History): Promise<void> {
  for (const owner of CLIENT_IDS) {
    for (let pageToken: string | undefined, first = true; first || pageToken !== undefined; first = false) {
      const page = await jobs.list({ owner, states: [], pageSize: 500, ...(pageToken !== undefined && { pageToken }) });
      for (const { jobId, requestId, state, revision, attempt, error } of page.jobs) {
        const result = await jobs.result(owner, jobId);
        const token = state === "SUCCEEDED" && result !== null ? readToken(Any.decode(result).value) : undefined;
        const seen = { jobId, state, revision, attempt, outcome: token ?? error?.reason };
        history.note({ kind: "at rest", client: owner, requestId, keptResult: result !== null, ...seen });
      }
      pageToken = page.nextPageToken;
    }
  }
}
