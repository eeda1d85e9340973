// test-limit-ms: 600000
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { clientSuite } from "./client-suite.ts";

/* The client of examples/java. Maven builds in the folders `target` beside the sources. */

const ROOT = join(import.meta.dirname, "..", "..");
const EXAMPLE = join(ROOT, "examples", "java", "target");
const CHECKER = join(ROOT, "test", "interop", "java", "checker", "target");
const run = promisify(execFile);

const { test } = clientSuite({
  language: "java",
  programs: ["java", "mvn"],
  async build() {
    const project = join(ROOT, "test", "interop", "java", "pom.xml");
    await run("mvn", ["--batch-mode", "--no-transfer-progress", "--quiet", "--file", project, "package"]);
    const path = [join(CHECKER, "classes"), join(EXAMPLE, "classes"), join(EXAMPLE, "dependency", "*")].join(":");
    return {
      checker: ["java", "-cp", path, "checker.Main"],
      example: ["java", "-cp", path, "example.Main"],
    };
  },
});

test.run();
