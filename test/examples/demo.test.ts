import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding, Report } from "../../examples/demo/report.ts";
import { runSteps } from "../../examples/demo/run-steps.ts";
import { type Session, STEPS } from "../../examples/demo/steps.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("examples/demo");

const demo = join(import.meta.dirname, "..", "..", "examples", "demo", "demo.ts");
let folder: string;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealwire-demo-test-"));
});
test.after(() => rm(folder, { recursive: true }));

function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [demo, ...args], { env: { ...process.env, TMPDIR: folder } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test("every step is as it should be and told as one JSON object", async () => {
  const { code, stdout, stderr } = await run("--json");
  const told = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(
    told.map(({ step, title, passed, problem }) => ({ step, title, passed, problem })),
    STEPS.map(({ title }, index) => ({ step: index + 1, title, passed: true, problem: undefined })),
  );
  assert.is(stderr, "");
  assert.is(code, 0);
});

test("without --json it tells people the same, and leaves no file behind", async () => {
  const { code, stdout } = await run();
  for (const { title } of STEPS) assert.match(stdout, title);
  assert.match(stdout, /Every step was as it should be\.\n\s*To go on: .*\n {2}npx sealwire serve --dev\n/);
  assert.is(code, 0);
  assert.equal(readdirSync(folder), []);
});

test("a step that is not as it should be is counted, and the others run all the same", async () => {
  const results: (Finding | Error)[] = [];
  const report: Report = {
    start() {},
    begin() {},
    end: (_index, _title, result) => void results.push(result),
    finish() {},
  };
  const fine: Finding = { outcome: "fine", shown: {} };
  const failing = async (): Promise<Finding> => {
    throw new Error("not refused");
  };
  const steps = [
    { title: "a", run: failing },
    { title: "b", run: async () => fine },
  ];
  assert.is(await runSteps(steps, {} as Session, report), 1);
  assert.equal(results, [new Error("not refused"), fine]);
});

test.run();
