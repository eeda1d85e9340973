import { copyFile, readFile, rm, stat, truncate } from "node:fs/promises";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";
import { acceptedFrame, removeStore, STORE, stop } from "./served-frames.ts";

const test = suite("cli/store-files");

/** What happens to the store of a stopped server, and what its log says at the next start. */
const ACCIDENTS: readonly (readonly [what: string, accident: () => Promise<void>, said: RegExp])[] = [
  ["deleted", removeStore, /served from another store/],
  ["cut to nothing", () => truncate(STORE), /served from another store/],
  ["put back from a copy of yesterday", () => copyFile("yesterday.db", STORE), /an earlier copy/],
];

for (const [what, accident, said] of ACCIDENTS) {
  test(`a store that was ${what} while the server was stopped accepts no frame again`, () =>
    inFolder(async (folder) => {
      {
        await using first = await CliServer.start(folder, "--dev");
        await stop(first);
        await copyFile(STORE, "yesterday.db");
      }
      await using before = await CliServer.start(folder, "--dev");
      assert.not.match(before.process.stderr, /may have been accepted/, "nothing to fear at the first starts");
      const again = await acceptedFrame(before);
      await stop(before);
      await accident();
      await using after = await CliServer.start(folder, "--dev");
      assert.is(await again(after), "FRESHNESS_UNKNOWN");
      assert.match(after.process.stderr, said);
    }));
}

test("a write-ahead log that was deleted after a crash takes no nonce with it", () =>
  inFolder(async (folder) => {
    await using before = await CliServer.start(folder, "--dev");
    const again = await acceptedFrame(before);
    await stop(before, "SIGKILL");
    await rm(`${STORE}-wal`);
    await using after = await CliServer.start(folder, "--dev");
    assert.is(await again(after), "FRESHNESS_UNKNOWN");
    assert.match(after.process.stderr, /write-ahead log is gone|an earlier copy/);
  }));

test("a store that is left alone answers REPLAYED, after a stop and after a crash, and the note beside the ring is private", () =>
  inFolder(async (folder) => {
    await using before = await CliServer.start(folder, "--dev");
    const again = await acceptedFrame(before);
    await stop(before);
    const note = ".sealwire/key-ring.json.store";
    assert.is((await stat(note)).mode & 0o777, 0o600);
    assert.equal(Object.keys(JSON.parse(await readFile(note, "utf8"))), ["id", "openings"]);
    await using after = await CliServer.start(folder, "--dev");
    assert.is(await again(after), "REPLAYED");
    await stop(after, "SIGKILL");
    await using last = await CliServer.start(folder, "--dev");
    assert.is(await again(last), "REPLAYED");
    assert.not.match(last.process.stderr, /may have been accepted/);
  }));

test("a store that is not there is told with the option that names the folder", () =>
  inFolder(async () => {
    for (const command of [["repair-clock"], ["migrate"], ["migrate", "--check"], ["backup", "copy.db"]]) {
      const { code, stderr } = await run(["store", ...command]);
      assert.is(code, 2);
      assert.match(stderr, /^error: There is no store at ".+"\.\n {2}try: Name the server's folder with --data\./);
    }
  }));

test.run();
