// test-limit-ms: 14400000
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasPatroni } from "../support/patroni.ts";
import { hasPostgres } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { runCampaign } from "./campaign.ts";
import { outages } from "./outages.ts";
import { SCENARIOS, type ScenarioName } from "./scenario.ts";

/*
 * Options are in the environment (set by test/crash/run.ts): CRASH_FAULTS names scenarios, CRASH_KILLS and
 * CRASH_STRIKES are minimum numbers, CRASH_SEED repeats a run. Default: every scenario with few kills.
 */
const { CRASH_FAULTS, CRASH_KILLS, CRASH_STRIKES } = process.env;
const { CRASH_SEED = String(Math.floor(Math.random() * 2 ** 32)) } = process.env;

const test = suite("crash/campaign");
/** Maximum number of violations that a failed test prints. The history contains all of them. */
const SHOWN = 20;

const AT_UPSTREAMS = "a job ends, and an intent has one effect and one answer, whatever happens to its upstream";
const DRAINED = "no attempt of a job fails because an upstream or a server drains";
/** The promise of a scenario, and its default numbers of kills and of faults of the store. */
const CAMPAIGNS: Readonly<
  Record<ScenarioName, { readonly promise: string; readonly kills: number; readonly strikes: number }>
> = {
  sqlite: { promise: "nothing accepted is lost, done twice or taken back", kills: 12, strikes: 1 },
  postgres: { promise: "nothing accepted is lost, done twice or taken back", kills: 12, strikes: 1 },
  files: { promise: "a server whose files are gone says so, and no frame is accepted twice", kills: 2, strikes: 2 },
  failover: { promise: "nothing is lost, done twice or taken back", kills: 2, strikes: 2 },
  "upstream-sqlite": { promise: AT_UPSTREAMS, kills: 4, strikes: 8 },
  "upstream-postgres": { promise: AT_UPSTREAMS, kills: 4, strikes: 8 },
  "drain-sqlite": { promise: DRAINED, kills: 3, strikes: 8 },
  "drain-postgres": { promise: DRAINED, kills: 3, strikes: 8 },
  "high-availability": {
    promise: "nothing is lost, done twice or taken back when a cluster loses its primary",
    kills: 0,
    strikes: 2,
  },
  "lossy-failover": { promise: "no frame is accepted twice", kills: 2, strikes: 2 },
};

for (const [name, { promise, ...least }] of Object.entries(CAMPAIGNS)) {
  const scenario = name as ScenarioName;
  if (CRASH_FAULTS !== undefined && !CRASH_FAULTS.split(",").includes(scenario)) continue;
  const named = CRASH_FAULTS !== undefined;
  if (SCENARIOS[scenario].engine === "postgres" && !hasPostgres(test)) continue;
  if (SCENARIOS[scenario].strikes === "high availability" && !hasPatroni(test)) continue;
  const kills = Number(CRASH_KILLS ?? least.kills);
  const strikes = Number(CRASH_STRIKES ?? (named ? 1 : least.strikes));
  const replay = `--faults ${scenario} --kills ${kills} --strikes ${strikes} --seed ${CRASH_SEED}`;
  test(`${scenario}: ${promise} (${replay})`, async () => {
    const startedMs = performance.now();
    const { violations, history, faults } = await runCampaign({ scenario, seed: Number(CRASH_SEED), kills, strikes });
    if (violations.length > 0) {
      const path = join(tmpdir(), `sealwire-crash-${scenario}-${CRASH_SEED}.jsonl`);
      history.write(path);
      console.log(`everything that was seen: ${path}`);
    }
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const figures = {
      scenario,
      replay: `npm run test:crash -- ${replay}`,
      seconds,
      ...faults,
      ...outages(history.events),
      starts: history.count("started"),
      jobs: history.count("at rest"),
      attempts: history.count("attempt began"),
      answers: history.count("saw"),
      watches: history.count("watch ended"),
      "frames accepted": history.count("frame accepted"),
      "answered intents": history.count("answered"),
      effects: history.count("took effect"),
      violations: violations.length,
    };
    console.log(`campaign ${JSON.stringify(figures)}`);
    assert.equal(violations.slice(0, SHOWN), []);
    assert.ok(history.count("at rest") > 0);
  });
}

test.run();
