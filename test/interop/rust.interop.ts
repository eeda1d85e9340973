// test-limit-ms: 600000
import { join } from "node:path";
import { clientSuite } from "./client-suite.ts";
import { copyExample } from "./example-copy.ts";
import { testLies } from "./lies.ts";
import { testOpenCredentials } from "./open-credentials.ts";

const { test, session } = clientSuite({
  language: "rust",
  programs: ["cargo", "cc"],

  async build(folder) {
    const copy = await copyExample("rust", folder);
    await copy.run(`${copy.readme[0]}
      cargo build --quiet --locked --target-dir target --manifest-path ../../test/interop/rust/Cargo.toml`);
    return { checker: [join(copy.path, "target", "debug", "sealwire-checker")], example: copy.example };
  },
});

testLies(test, session);
testOpenCredentials(test, session);

test.run();
