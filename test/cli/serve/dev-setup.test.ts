import { existsSync } from "node:fs";
import { assert, suite } from "../../support/suite.ts";
import { inFolder, run } from "../cli-run.ts";

const test = suite("cli/serve/dev-setup");

test("credentials whose key could not be added to the ring are not left behind", () =>
  inFolder(async () => {
    // The ring's lock fits beside it, and the longer name of the file that is to replace it does not.
    const keyRing = `${"r".repeat(240)}.json`;
    const { code, stderr } = await run([
      ...["serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "silent", "--key-ring", keyRing],
    ]);
    assert.is(code, 2, stderr);
    assert.match(stderr, "ENAMETOOLONG");
    assert.not(existsSync(".sealwire/client.json"));
  }));

test.run();
