// test-limit-ms: 14400000
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasPostgres } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { runCampaign } from "./campaign.ts";
import type { EngineName } from "./site.ts";

/*
 * CRASH_ENGINE, CRASH_KILLS and CRASH_SEED say what to do (test/crash/run.ts sets them); by default few kills on both engines.
 */
const { CRASH_ENGINE, CRASH_KILLS = "12", CRASH_SEED = String(Math.floor(Math.random() * 2 ** 32)) } = process.env;

const test = suite("crash/campaign");
/** Violations that a failed test prints; all of them are in its history. */
const SHOWN = 20;

function campaign(engine: EngineName): void {
  if (CRASH_ENGINE !== undefined && CRASH_ENGINE !== engine) return;
  const replay = `--engine ${engine} --kills ${CRASH_KILLS} --seed ${CRASH_SEED}`;
  test(`on ${engine} nothing accepted is lost, done twice or taken back (${replay})`, async () => {
    const startedMs = performance.now();
    const { violations, history, faults } = await runCampaign({
      engine,
      seed: Number(CRASH_SEED),
      kills: Number(CRASH_KILLS),
    });
    if (violations.length > 0) {
      const path = join(tmpdir(), `sealwire-crash-${engine}-${CRASH_SEED}.jsonl`);
      history.write(path);
      console.log(`everything that was seen: ${path}`);
    }
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
    const figures = {
      ...faults,
      starts: history.count("started"),
      jobs: history.count("at rest"),
      attempts: history.count("attempt began"),
      answers: history.count("saw"),
      watches: history.count("watch ended"),
      "frames accepted": history.count("frame accepted"),
      effects: history.count("took effect"),
      violations: violations.length,
    };
    console.log(`${engine}, ${seconds} s, npm run test:crash -- ${replay}: ${JSON.stringify(figures)}`);
    assert.equal(violations.slice(0, SHOWN), []);
    assert.ok(history.count("at rest") > 0);
  });
}

campaign("sqlite");
if (CRASH_ENGINE === "sqlite" || hasPostgres(test)) campaign("postgres");

test.run();
