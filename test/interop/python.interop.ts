// test-limit-ms: 1200000
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../support/suite.ts";
import { clientSuite } from "./clients/client-suite.ts";
import { languages } from "./clients/languages.ts";
import { copyExample } from "./example-copy.ts";
import { InteropServer } from "./interop-server.ts";

const test = clientSuite(languages.python);

test("an agent framework calls the tools by the schemas of the signed contract", async () => {
  await using server = await InteropServer.start();
  const folder = await mkdtemp(join(tmpdir(), "sealwire-python-agent-"));
  try {
    const copy = await copyExample("python-agent", folder);
    await copy.build();
    const stdout = await copy.run(await server.addClient("agent"));
    assert.match(stdout, /^user: What is 1 \+ 2 \+ 3\.5\?/);
    assert.match(stdout, /batch_sum answers: .*numbers\[2\]/);
    assert.match(stdout, /batch_sum answers: .*6\.5/);
    assert.match(stdout, /start_long_task answers: .*seal/);
    assert.match(stdout, /model: The sum is 6\.5, and the word is seal\.\n$/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
