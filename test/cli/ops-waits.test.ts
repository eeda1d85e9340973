import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/ops-waits");

test("an operator is told why a command waits while the store takes nothing, and at the end that it got no answer", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    const { listening } = server.ready;
    await run(["keys", "add", "wall", "--role", "viewer", "--address", listening, "--out", "wall.json"]);
    const stats = (...words: string[]) => run(["ops", "stats", "--credentials", "wall.json", ...words]);
    const calm = await eventually("the key is known", async () => {
      const ended = await stats();
      return ended.code === 0 && ended;
    });
    assert.is(calm.stderr, "");
    // Another writer in the way stands for a disk that takes nothing: both make the commit fail.
    const other = new DatabaseSync(join(folder, ".sealwire", "sealwire.db"));
    other.exec("BEGIN IMMEDIATE");
    const { code, stderr } = await stats("--timeout", "10s");
    other.exec("ROLLBACK");
    other.close();
    assert.is(code, 4);
    // The time limit may end a pause or an attempt.
    assert.match(stderr, /^UNAVAILABLE: .* Trying again until --timeout\.\nerror: (UNAVAILABLE|DEADLINE_EXCEEDED)/);
  }));

test.run();
