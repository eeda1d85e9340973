// test-limit-ms: 1200000
import { hasPostgres } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { runCampaign } from "./campaign.ts";
import type { PlantedFault } from "./planted-faults.ts";
import { SCENARIOS, type ScenarioName } from "./scenario.ts";
import { wakeLate } from "./scene.ts";

const test = suite("crash/planted-faults");

/** Short time limit, because jobs with a planted fault may never end. */
const PATIENCE_MS = 15_000;

/** Whether a campaign triggers a planted fault depends on timing, so several seeds are tried. */
const SEEDS = [1, 2, 3];

interface Expected {
  /** The finding that the checker must report. */
  readonly finding: RegExp;
  /** Default: the scenario with the simplest site. */
  readonly scenario?: ScenarioName;
  /** Numbers of kills and of faults of the store; default: none. */
  readonly kills?: number;
  readonly strikes?: number;
  /** Duration of the traffic. */
  readonly forMs?: number;
}

const EXPECTED: Readonly<Record<PlantedFault, Expected>> = {
  "an acknowledgement before the commit": { finding: /is lost|then denied/, kills: 4 },
  "a nonce forgotten": { finding: /^frame .* was accepted \d+ times/, forMs: 3_000 },
  "a revision that falls": { finding: /falls from revision|who asked after that|is both/, forMs: 4_000 },
  "a request id forgotten": { finding: /has two jobs/, forMs: 2_000 },
  "an end that is taken back": { finding: /(from|goes on to) revision|has two ends|never ended/, forMs: 3_000 },
  "a result of a cancelled job": { finding: /is CANCELLED and a result of it is recorded/, forMs: 2_000 },
  "an attempt that is not recorded": { finding: /its record has the attempts/, forMs: 4_000 },
  "an attempt that begins twice": { finding: /began twice/, forMs: 3_000 },
  "an intent carried out twice": { finding: /request pay-\d+ took effect \d+ times/, forMs: 3_000 },
  "an outcome forgotten": { finding: /was answered, and its outcome then unknown/, forMs: 3_000 },
  "a lost call that is sent again": {
    finding: /request charge-\d+ took effect \d+ times/,
    scenario: "upstream-sqlite",
    strikes: 10,
  },
  "a key that changes": {
    finding: /request charge_by_key-\d+ took effect \d+ times/,
    scenario: "upstream-sqlite",
    strikes: 10,
  },
  "a hand-back that counts": {
    finding: /has \d+ failures, and nothing but drains/,
    scenario: "drain-sqlite",
    strikes: 5,
  },
  "a watcher told another end": { finding: /a watcher of .* saw .* last, but its end is/, forMs: 2_000 },
  "a fence removed": { finding: /has two ends|did not return/ },
  "an error that ends its process": { finding: /^server ended by itself/, forMs: 2_000 },
  "an error charged to others": { finding: /was taken from its process/, forMs: 3_000 },
  "a floor far ahead": { finding: /refuses fresh frames of \w+ as FRESHNESS_UNKNOWN 10 s after/ },
  "a lost store that is not noticed": {
    finding: /accepts frames 5 s after its store was lost/,
    scenario: "files",
    strikes: 3,
  },
  "a failover that is not noticed": {
    finding: /^frame .* was accepted \d+ times/,
    scenario: "lossy-failover",
    strikes: 1,
  },
};

for (const [plant, { finding, scenario = "sqlite", kills = 0, strikes = 0, forMs = 0 }] of Object.entries(EXPECTED)) {
  if (plant === "a fence removed") continue;
  if (SCENARIOS[scenario].engine === "postgres" && !hasPostgres(test)) continue;
  test(`${plant} is found`, async () => {
    const others: string[] = [];
    for (const seed of SEEDS) {
      const { violations } = await runCampaign({
        scenario,
        seed,
        kills,
        strikes,
        atLeastMs: forMs,
        patienceMs: PATIENCE_MS,
        plant: plant as PlantedFault,
      });
      if (violations.some((violation) => finding.test(violation))) return;
      others.push(...violations);
    }
    assert.unreachable(others.slice(0, 5).join("\n") || "nothing was found");
  });
}

if (hasPostgres(test)) {
  test("a fence removed is found", async () => {
    const found = await wakeLate({ plant: "a fence removed" });
    assert.ok(
      found.some((violation) => EXPECTED["a fence removed"].finding.test(violation)),
      found.join("\n"),
    );
  });
}

test.run();
