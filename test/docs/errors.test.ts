import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { WIRE_REASONS } from "../../src/errors.ts";
import { assert, suite } from "../support/suite.ts";
import { exitCodeTable, localReasonTable, wireReasonTable } from "./error-tables.ts";

const test = suite("docs/errors");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "errors.md"), "utf8");

test("the page has every reason that a server sends, as the code has it", () => {
  assert.ok(page.includes(wireReasonTable()), `expected\n${wireReasonTable()}`);
});

test("the page has every local reason, as the code has it", () => {
  assert.ok(page.includes(localReasonTable()), `expected\n${localReasonTable()}`);
});

test("the page has the exit code of every reason, as the CLI has it", () => {
  assert.ok(page.includes(exitCodeTable()), `expected\n${exitCodeTable()}`);
});

test("the reasons that a server sends are those of the contract", () => {
  const inContract = Object.keys(ErrorReason).filter((name) => name !== "UNSPECIFIED" && name !== "UNRECOGNIZED");
  assert.equal(Object.keys(WIRE_REASONS).sort(), inContract.sort());
});

test.run();
