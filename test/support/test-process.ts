import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { prepareStart } from "./quick-start.ts";
import type { TestEvent } from "./report.ts";

/** The result of a test file: counts of tests, and the output to print on failure. */
export interface FileResult {
  readonly passed: number;
  readonly failed: number;
  /** The names of the failed tests. */
  readonly failedTests: readonly string[];
  readonly skipped: readonly string[];
  /** Reasons why the file as a whole fails, apart from failed tests. */
  readonly problems: readonly string[];
  /** CPU time of its process and of those that it waited for, in seconds; `undefined` if it did not finish. */
  readonly cpuSeconds: number | undefined;
  /** Standard output and error of the file's process, interleaved. */
  readonly output: string;
}

/** Options of {@link runTestFile}. */
export interface TestFileOptions {
  /** A module that is loaded before the test file. */
  readonly preload?: string;
  /** Variables in addition to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

let start: Readonly<Record<string, string>> | undefined;
const running = new Set<ChildProcess>();

/** Kills every test process and its children. */
export function killTestProcesses(): void {
  for (const child of running) killGroup(child);
}

/**
 * Runs one test file in its own process group. The file may set its time limit in a comment, `// test-limit-ms:
 * 300000`; default `defaultLimitMs`.
 */
export async function runTestFile(
  file: string,
  defaultLimitMs: number,
  { preload, env }: TestFileOptions = {},
): Promise<FileResult> {
  const limitMs = Number(/^\/\/ test-limit-ms: (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? defaultLimitMs);
  start ??= prepareStart();
  const child = spawn(process.execPath, [...(preload === undefined ? [] : ["--import", preload]), file], {
    env: { ...process.env, ...start, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  running.add(child);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));

  let passed = 0;
  const failedTests: string[] = [];
  const skipped: string[] = [];
  let current: string | undefined;
  let cpuSeconds: number | undefined;
  child.on("message", (event: TestEvent) => {
    current = event.kind === "start" ? event.test : undefined;
    if (event.kind === "passed") passed += 1;
    if (event.kind === "failed") failedTests.push(event.test);
    if (event.kind === "ended") cpuSeconds = event.cpuSeconds;
    if (event.kind === "skipped") skipped.push(`${event.test}: ${event.reason}`);
  });

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, limitMs);
  const { code, signal } = await ended(child);
  clearTimeout(timer);
  running.delete(child);

  const failed = failedTests.length;
  const problems: string[] = [];
  if (timedOut) problems.push(`took longer than ${limitMs} ms${current ? `, in "${current}"` : ""}`);
  else if (signal) problems.push(`was ended by ${signal}${current ? `, in "${current}"` : ""}`);
  else if (code !== 0 && failed === 0) problems.push(`exited with ${code}`);
  else if (code === 0 && passed + failed === 0 && skipped.length === 0) problems.push("ran no test");
  else if (code === 0 && failed > 0) problems.push(`exited with 0 although ${failed} failed`);
  return { passed, failed, failedTests, skipped, problems, cpuSeconds, output };
}

/** Waits for the process to exit, ends its remaining children, then waits for its pipes to close. */
async function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const result = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  killGroup(child);
  await closed;
  return result;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
