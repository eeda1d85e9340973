import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, suite } from "./suite.ts";

const test = suite("support/suite");

const helper = pathToFileURL(join(import.meta.dirname, "suite.ts")).href;
const runner = join(import.meta.dirname, "..", "run.ts");

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly lastLine: string | undefined;
}

/** Starts the runner with one file per text. Undefined texts leave the folder empty. */
async function run(
  texts: readonly string[],
  options: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-runner-"));
  try {
    for (const [index, text] of texts.entries()) {
      const head = `import { assert, suite } from ${JSON.stringify(helper)};\n`;
      await writeFile(join(folder, `case${index}.test.ts`), head + text);
    }
    return await start([runner, "--root", folder, ...options], env);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function start(args: readonly string[], env: Record<string, string>): Promise<Outcome> {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CI: "", ...env },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output, lastLine: output.trimEnd().split("\n").at(-1) };
}

const good = `const t = suite("good"); t("holds", () => assert.ok(true)); t.run();`;

test("passing files end in a count and exit 0", async () => {
  const outcome = await run([good, good]);
  assert.is(outcome.lastLine, "2 passed, 0 failed");
  assert.is(outcome.code, 0);
});

test("a skipped test is counted and its reason printed", async () => {
  const outcome = await run([
    `const t = suite("s"); t("a", () => {}); t.skip("b", "no such device", () => {}); t.run();`,
  ]);
  assert.is(outcome.lastLine, "1 passed, 0 failed, 1 skipped");
  assert.match(outcome.output, "b: no such device");
  assert.is(outcome.code, 0);
});

test("a path part chooses the files", async () => {
  const outcome = await run([good, `const t = suite("bad"); t("fails", () => assert.ok(false)); t.run();`], ["case0"]);
  assert.is(outcome.lastLine, "1 passed, 0 failed");
});

const failing: Record<string, { text: string; says: RegExp; options?: string[]; env?: Record<string, string> }> = {
  "a failed assertion": {
    text: `const t = suite("s"); t("sums", () => assert.is(1, 2)); t.run();`,
    says: /"sums"/,
  },
  "a thrown string": {
    text: `const t = suite("s"); t("x", () => { throw "plain text"; }); t.run();`,
    says: /thrown, but no Error: plain text/,
  },
  "a thrown undefined": {
    text: `const t = suite("s"); t("x", () => { throw undefined; }); t.run();`,
    says: /thrown, but no Error: undefined/,
  },
  "a before hook that throws": {
    text: `const t = suite("s"); t.before(() => { throw new Error("no port"); }); t("x", () => {}); t.run();`,
    says: /a before hook threw: no port/,
  },
  "an after hook that throws": {
    text: `const t = suite("s"); t.after(() => { throw new Error("left open"); }); t("x", () => {}); t.run();`,
    says: /an after hook threw: left open/,
  },
  "a before.each hook that throws": {
    text: `const t = suite("s"); t.before.each(() => { throw new Error("no row"); }); t("x", () => {}); t.run();`,
    says: /a before\.each hook threw: no row/,
  },
  "an after.each hook that throws": {
    text: `const t = suite("s"); t.after.each(() => { throw new Error("row left"); }); t("x", () => {}); t.run();`,
    says: /an after\.each hook threw: row left/,
  },
  "a frozen error from a hook": {
    text: `const t = suite("s"); t.before(() => { throw Object.freeze(new Error("ice")); }); t("x", () => {}); t.run();`,
    says: /a before hook threw: ice/,
  },
  "a suite without run()": {
    text: `suite("forgotten")("x", () => {});`,
    says: /forgotten: test\.run\(\) is missing/,
  },
  "a second suite without run()": {
    text: `${good} suite("forgotten")("x", () => {});`,
    says: /forgotten: test\.run\(\) is missing/,
  },
  "a suite without a test": {
    text: `suite("empty").run();`,
    says: /empty: has no test/,
  },
  "a file without a suite": {
    text: `assert.ok(true);`,
    says: /the file ran no test/,
  },
  "two tests of one name": {
    text: `const t = suite("s"); t("x", () => {}); t("x", () => {}); t.run();`,
    says: /two tests are named "x"/,
  },
  "a skip without a reason": {
    text: `const t = suite("s"); t("x", () => {}); t.skip("y", ""); t.run();`,
    says: /"y" is skipped without a reason/,
  },
  "a run() after tests have started": {
    text: `${good} await new Promise((r) => setTimeout(r, 200)); suite("late").run();`,
    says: /late: run\(\) was called after tests had started/,
  },
  "a promise that never settles": {
    text: `const t = suite("s"); t("x", () => new Promise(() => {})); t.run();`,
    says: /"x" never settled/,
  },
  "process.exit(0) in a test": {
    text: `const t = suite("s"); t("x", () => process.exit(0)); t.run();`,
    says: /"x" never settled/,
  },
  "an unhandled rejection": {
    text: `const t = suite("s"); t("x", () => { Promise.reject(new Error("floating")); }); t.run();`,
    says: /floating/,
  },
  "a throw while loading": {
    text: `throw new Error("bad import");`,
    says: /bad import/,
  },
  "a file that hangs": {
    text: `const t = suite("s"); t("x", () => new Promise(() => setInterval(() => {}, 1000))); t.run();`,
    options: ["--limit-ms", "1500"],
    says: /the file took longer than 1500 ms, in "x"/,
  },
  "a file that hangs past the limit in its comment": {
    text: `// test-limit-ms: 1500\nconst t = suite("s"); t("x", () => { for (;;); }); t.run();`,
    says: /the file took longer than 1500 ms, in "x"/,
  },
  "a process ended by a signal": {
    text: `const t = suite("s"); t("x", () => { process.kill(process.pid, "SIGKILL"); return new Promise(() => {}); }); t.run();`,
    says: /the file was ended by SIGKILL, in "x"/,
  },
  "only, where CI is set": {
    text: `const t = suite("s"); t("x", () => {}); t.only("y", () => {}); t.run();`,
    env: { CI: "true" },
    says: /"y" is marked only/,
  },
};

for (const [name, { text, says, options, env }] of Object.entries(failing)) {
  test(`${name} makes the run fail`, async () => {
    const outcome = await run([good, text], options, env);
    assert.match(outcome.output, says);
    assert.match(outcome.lastLine ?? "", /^\d+ passed, [1-9]\d* failed(, \d+ skipped)?$/);
    assert.is(outcome.code, 1);
  });
}

test("a pattern that no file matches makes the run fail", async () => {
  const outcome = await run([good], ["no-such-file"]);
  assert.match(outcome.output, /no test file .* matches no-such-file/);
  assert.is(outcome.lastLine, "0 passed, 1 failed");
  assert.is(outcome.code, 1);
});

test("only leaves the other tests out and counts them as skipped", async () => {
  const outcome = await run([`const t = suite("s"); t("x", () => { throw 1; }); t.only("y", () => {}); t.run();`]);
  assert.is(outcome.lastLine, "1 passed, 0 failed, 1 skipped");
  assert.is(outcome.code, 0);
});

test("a process that a test left running is ended with its file", async () => {
  const outcome = await run([
    `import { spawn } from "node:child_process";
     const t = suite("s");
     t("x", () => { spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).unref(); });
     t.run();`,
  ]);
  assert.is(outcome.lastLine, "1 passed, 0 failed");
});

test.run();
