// test-limit-ms: 1200000
import { hasPostgres } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { runCampaign } from "./campaign.ts";
import type { PlantedFault } from "./planted-faults.ts";
import { wakeLate } from "./scene.ts";

const test = suite("crash/planted-faults");

/** What a planted fault keeps from coming to rest is given up soon. */
const PATIENCE_MS = 15_000;

/** What the checker must find, how many kills it takes, and for how long traffic goes on. */
const EXPECTED: Readonly<
  Record<PlantedFault, { readonly finding: RegExp; readonly kills: number; readonly forMs: number }>
> = {
  "an acknowledgement before the commit": { finding: /is lost|then denied/, kills: 4, forMs: 0 },
  "a nonce forgotten": { finding: /^frame .* was accepted \d+ times/, kills: 0, forMs: 3_000 },
  "a revision that falls": { finding: /falls from revision|who asked after that|is both/, kills: 0, forMs: 4_000 },
  "a request id forgotten": { finding: /has two jobs/, kills: 0, forMs: 2_000 },
  "an end that is taken back": { finding: /from revision|has two ends|never ended/, kills: 0, forMs: 3_000 },
  "a result of a cancelled job": { finding: /is CANCELLED and a result of it is recorded/, kills: 0, forMs: 2_000 },
  "an attempt that begins twice": { finding: /began twice/, kills: 0, forMs: 3_000 },
  "an intent carried out twice": { finding: /request pay-\d+ took effect \d+ times/, kills: 0, forMs: 3_000 },
  "a watcher told another end": { finding: /a watcher of .* saw .* last, but its end is/, kills: 0, forMs: 2_000 },
  "a fence removed": { finding: /has two ends|did not return/, kills: 0, forMs: 0 },
};

for (const [plant, { finding, kills, forMs }] of Object.entries(EXPECTED)) {
  if (plant === "a fence removed") continue;
  test(`${plant} is found`, async () => {
    const { violations } = await runCampaign({
      engine: "sqlite",
      seed: 1,
      kills,
      atLeastMs: forMs,
      patienceMs: PATIENCE_MS,
      plant: plant as PlantedFault,
    });
    assert.ok(
      violations.some((violation) => finding.test(violation)),
      violations.slice(0, 5).join("\n") || "nothing was found",
    );
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
