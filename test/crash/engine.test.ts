import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { runCrashRounds } from "./crash-rounds.ts";
import { EngineVictim } from "./engine-victim.ts";

/*
 * CRASH_ROUNDS sets how many processes are killed, CRASH_SEED plays a run again (moments of the kills).
 */
const rounds = Number(process.env.CRASH_ROUNDS ?? 5);
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32));

const test = suite("crash/engine");

test(`no accepted job is lost, none has two outcomes and all end (CRASH_ROUNDS=${rounds} CRASH_SEED=${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-crash-"));
  try {
    const [path, journal] = [join(folder, "store.sqlite"), join(folder, "journal")];
    const report = await runCrashRounds({ rounds, seed, lifeMs: 600, start: () => EngineVictim.start(path, journal) });
    console.log(`${report.accepted} accepted, ${report.ended} ended after ${rounds} kills; seed ${seed}`);
    assert.equal(report.problems, []);
    assert.ok(report.accepted > 0);
    const attempts = readFileSync(journal, "utf8").trimEnd().split("\n");
    assert.is(new Set(attempts).size, attempts.length, "no attempt of a job began twice");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
