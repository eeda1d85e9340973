import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/runtime/clock.ts";
import { type CommandEnd, type CommandOptions, runCommand } from "../../src/runtime/command-output.ts";
import { inFolder } from "../cli/cli-run.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/command-output");

const LIMIT_MS = 30_000;
const { PATH = "" } = process.env;

function runWords(words: readonly string[], options: Partial<CommandOptions> = {}): Promise<CommandEnd> {
  return runCommand({ words, env: { PATH }, timeoutMs: LIMIT_MS, outputMost: 1_000, clock: systemClock, ...options });
}

const runScript = (script: string, options: Partial<CommandOptions> = {}) => runWords(["sh", "-c", script], options);

test("stdout and stderr of a command are returned apart", async () => {
  const { stdout, stderr, failure } = await runScript("echo out; echo err >&2");
  assert.equal([stdout.toString(), stderr, failure], ["out\n", "err\n", undefined]);
});

test("no shell reads the words, and stdin is empty", async () => {
  const { stdout } = await runWords(["printf", "%s|", "$HOME", "a b", "; echo x"]);
  assert.is(stdout.toString(), "$HOME|a b|; echo x|");
  assert.is((await runScript("cat")).stdout.toString(), "");
});

test("a command has the environment that it is given and no other", async () => {
  const { stdout } = await runScript("env", { env: { PATH, ONE: "1" } });
  const names = stdout
    .toString()
    .split("\n")
    .map((line) => line.split("=")[0]);
  assert.ok(names.includes("ONE"));
  assert.not.ok(names.includes("HOME"));
});

test("a command that exits with an error or by a signal may succeed later", async () => {
  assert.equal((await runScript("echo half; exit 7")).failure, { problem: "exited with 7", passing: true });
  assert.equal((await runScript("kill -TERM $$")).failure, { problem: "was ended by SIGTERM", passing: true });
});

test("a program that does not exist will not succeed later", async () => {
  const { failure } = await runWords(["./no-such-program"]);
  assert.equal(failure, { problem: "cannot be started: there is no such program", passing: false });
});

test("a program that may not be executed will not succeed later", async () => {
  assert.equal((await runWords(["/"])).failure, { problem: "cannot be started (EACCES)", passing: false });
});

test("a command that writes too much is killed", async () => {
  const { failure, stdout } = await runScript("while :; do echo 0123456789; done");
  assert.equal(failure, { problem: "wrote more than 1000 bytes", passing: false });
  // What a pipe holds, at most.
  assert.ok(stdout.length <= 64 * 1024, String(stdout.length));
});

test("stderr is read to its end and kept in part", async () => {
  const { stderr, failure } = await runScript("head -c 300000 /dev/zero | tr '\\0' x >&2");
  assert.is(failure, undefined);
  assert.is(stderr.length, 16 * 1024);
});

test("a command that runs for too long is killed with what it started", () =>
  inFolder(async (folder) => {
    const clock = new FakeClock();
    const file = join(folder, "pid");
    const ended = runScript(`sleep 600 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`, { clock });
    const pid = Number(
      await eventually("the child of the command", () => readFile(file, "utf8").catch(() => undefined)),
    );
    clock.advance(LIMIT_MS);
    assert.equal((await ended).failure, { problem: "ran for more than 30 s and was killed", passing: true });
    await eventually("the end of the child", async () => (await stateOf(pid)) === undefined);
  }));

test("a command is killed when its signal aborts, and is not started after that", async () => {
  const end = new AbortController();
  const ended = runScript("sleep 600", { signal: end.signal });
  end.abort();
  assert.match((await ended).failure?.problem ?? "", "was killed, because the process ends");
  assert.match((await runScript("true", { signal: end.signal })).failure?.problem ?? "", "was not started");
});

/** The state of a process in Linux; `undefined` if it has ended. */
async function stateOf(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const state = /\) (\w)/.exec(status)?.[1];
  return state === "Z" ? undefined : state;
}

test.run();
