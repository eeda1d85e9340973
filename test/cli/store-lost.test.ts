import { copyFile, rm } from "node:fs/promises";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder } from "./cli-run.ts";
import { acceptedFrame, removeStore, STORE } from "./served-frames.ts";

const test = suite("cli/store-lost");

for (const [what, accident] of [
  ["its store is deleted", removeStore],
  [
    "another file takes the place of its store",
    async () => {
      await rm(STORE);
      await copyFile(".sealwire/client.json", STORE);
    },
  ],
  ["the write-ahead log is deleted", () => rm(`${STORE}-wal`)],
] as const) {
  test(`a server drains and exits 5 when ${what} under it, and the next one accepts no frame again`, () =>
    inFolder(async (folder) => {
      await using before = await CliServer.start(folder, "--dev");
      const again = await acceptedFrame(before);
      await accident();
      const { code, stderr } = await before.process.ended;
      assert.is(code, 5, stderr);
      assert.match(stderr, /the store is lost; draining/);
      assert.match(stderr, /deleted or replaced while it was open/);
      if (what.startsWith("another")) await removeStore();
      await using after = await CliServer.start(folder, "--dev");
      assert.ok(["FRESHNESS_UNKNOWN", "REPLAYED"].includes((await again(after)) ?? ""));
    }));
}

test.run();
