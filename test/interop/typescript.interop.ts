// test-limit-ms: 600000
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "../support/suite.ts";
import { testClientCases } from "./clients/client-cases.ts";

const test = suite("interop/typescript");

const ROOT = join(import.meta.dirname, "..", "..");
const AGENT = join(import.meta.dirname, "typescript", "agent.ts");
const MODULES = { version: "v2", modules: [{ path: "proto" }, { path: "test/interop/proto" }, { path: "dist/proto" }] };
/** Inside of the clone, so that generated code finds the packages that it imports. */
const generated = mkdtempSync(join(ROOT, "test", "interop", "typescript", "gen-"));

test.before(() => {
  const template = join(import.meta.dirname, "typescript", "buf.gen.yaml");
  const args = ["generate", "--template", template, "--config", JSON.stringify(MODULES), "--output", generated];
  const env = { ...process.env, PATH: `${join(ROOT, "node_modules", ".bin")}:${process.env.PATH}` };
  execFileSync("buf", [...args, "--path", "test/interop/proto/interop/v1"], { cwd: ROOT, env, stdio: "pipe" });
});
test.after(() => rmSync(generated, { recursive: true, force: true }));

testClientCases(test, "stubs", () => ({ command: [process.execPath, "--expose-gc", AGENT, generated] }));

test.run();
