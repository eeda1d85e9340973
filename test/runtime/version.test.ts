import packageJson from "../../package.json" with { type: "json" };
import { VERSION } from "../../src/runtime/version.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/version");

test("the version is that of the package", () => {
  assert.is(VERSION, packageJson.version);
});

test.run();
