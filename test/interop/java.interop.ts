// test-limit-ms: 600000
import { delimiter, join } from "node:path";
import { clientSuite } from "./client-suite.ts";
import { copyExample } from "./example-copy.ts";
import { testLies } from "./lies.ts";
import { testOpenCredentials } from "./open-credentials.ts";

const { test, session } = clientSuite({
  language: "java",
  programs: ["javac", "mvn"],

  async build(folder) {
    const copy = await copyExample("java", folder);
    await copy.run(`${copy.readme[0]}
      mvn --batch-mode --quiet --file ../../test/interop/java package`);
    const checker = join(folder, "test", "interop", "java", "checker");
    const paths = [checker, copy.path].map((path) => join(path, "target", "classes"));
    const path = [...paths, join(copy.path, "target", "dependency", "*")].join(delimiter);
    return { checker: ["java", "-cp", path, "checker.Main"], example: copy.example };
  },
});

testLies(test, session);
testOpenCredentials(test, session);

test.run();
