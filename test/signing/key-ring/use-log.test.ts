import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { KeyUseLog, keyUseFile, keyUsePath, readKeyUse } from "../../../src/signing/key-ring/use-log.ts";
import { assert, suite } from "../../support/suite.ts";
import { ManualClock } from "./manual-clock.ts";
import { inFolder, MADE_AT_MS, RecordingLogger, until } from "./ring-folder.ts";

const test = suite("signing/key-ring/use-log");

function openLog(path: string, logger = new RecordingLogger(), clock: Clock = systemClock): KeyUseLog {
  return new KeyUseLog({ write: keyUseFile(path, systemRandom), clock, logger });
}

test("what was recorded is on disk after disposal, private, and survives the next server", () =>
  inFolder(async (folder) => {
    const path = join(folder, "key-use.json");
    {
      await using log = openLog(path);
      log.record("k_1", MADE_AT_MS);
      log.record("k_2", MADE_AT_MS);
    }
    {
      await using log = openLog(path);
      log.record("k_2", MADE_AT_MS + 5000);
      assert.equal([...log.lastUse], [["k_2", MADE_AT_MS + 5000]]);
    }
    assert.equal(
      await readKeyUse(path),
      new Map([
        ["k_1", MADE_AT_MS],
        ["k_2", MADE_AT_MS + 5000],
      ]),
    );
    assert.is((await stat(path)).mode & 0o777, 0o600);
  }));

test("uses are written every 15 s beside the ring", () =>
  inFolder(async (folder) => {
    const path = keyUsePath(join(folder, "ring.json"));
    const clock = new ManualClock();
    await using log = openLog(path, new RecordingLogger(), clock);
    for (const ms of [MADE_AT_MS, MADE_AT_MS + 1000]) {
      log.record("k_1", ms);
      await until("the next flush is due", () => clock.waiting(15_000) === 1);
      clock.run(15_000);
      await until("it is written", async () => (await readKeyUse(path)).get("k_1") === ms);
    }
  }));

test("an older use does not hide a newer one of another server", () =>
  inFolder(async (folder) => {
    const path = join(folder, "key-use.json");
    await using one = openLog(path);
    await using two = openLog(path);
    two.record("k_1", MADE_AT_MS + 9000);
    await two.flush();
    one.record("k_1", MADE_AT_MS);
    await one.flush();
    assert.is((await readKeyUse(path)).get("k_1"), MADE_AT_MS + 9000);
  }));

test("a broken file is replaced, not trusted", () =>
  inFolder(async (folder) => {
    const path = join(folder, "key-use.json");
    await writeFile(path, '{"k_1": "yesterday"}');
    assert.is((await readKeyUse(path)).size, 0);
    await using log = openLog(path);
    log.record("k_2", MADE_AT_MS);
    await log.flush();
    assert.equal([...(await readKeyUse(path)).keys()], ["k_2"]);
  }));

test("a folder that cannot be written to is logged and does not stop the server", () =>
  inFolder(async (folder) => {
    const logger = new RecordingLogger();
    const log = openLog(join(folder, "none", "key-use.json"), logger);
    log.record("k_1", MADE_AT_MS);
    await log[Symbol.asyncDispose]();
    assert.equal(
      logger.lines.map((line) => line.level),
      ["warn"],
    );
  }));

test.run();
