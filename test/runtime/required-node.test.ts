import packageJson from "../../package.json" with { type: "json" };
import { oldNode } from "../../src/runtime/required-node.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/required-node");

test("the version that is asked for is the one that the package declares", () => {
  const [, major = 0, minor = 0] = (/^>=(\d+)\.(\d+)$/.exec(packageJson.engines.node) ?? []).map(Number);
  for (const version of [`${major}.${minor}.0`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`])
    assert.is(oldNode(version), undefined, version);
  for (const version of [`${major}.${minor - 1}.9`, `${major - 1}.99.0`]) {
    assert.is(oldNode(version), `sealwire needs Node ${major}.${minor} or newer, this is ${version}.`);
  }
});

test.run();
