import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { LongSuite } from "./suites.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What test files print around their figures. */
const FRAME =
  /^(ok |FAIL|npm |\d+ passed|\s*(Total|Passed|Skipped|Duration):|.*\(\d+ \/ \d+\)$|.*skipped: |\s*campaign \{|> )/;

/** What came of one suite. */
export interface SuiteResult {
  readonly suite: LongSuite;
  /** "12 passed, 0 failed", as the run says; `undefined` if it ended before. */
  readonly summary: string | undefined;
  readonly succeeded: boolean;
  readonly seconds: number;
  /** The figures of crash campaigns. */
  readonly campaigns: readonly Readonly<Record<string, string | number>>[];
  /** What else it printed, if its figures are shown. */
  readonly printed: readonly string[];
}

/** Runs a suite and lets everybody see what it prints. */
export async function runSuite(suite: LongSuite): Promise<SuiteResult> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, suite.args, {
    cwd: ROOT,
    env: { ...process.env, ...suite.env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const [code] = await once(child, "close");
  const lines = output.split("\n");
  return {
    suite,
    summary: lines.findLast((line) => /^\d+ passed, \d+ failed/.test(line)),
    succeeded: code === 0,
    seconds: Math.round((performance.now() - startedMs) / 1_000),
    campaigns: lines.flatMap((line) => {
      const figures = /campaign (\{.*\})$/.exec(line)?.[1];
      return figures === undefined ? [] : [JSON.parse(figures)];
    }),
    printed: suite.showsFigures ? lines.filter((line) => line.trim() !== "" && !FRAME.test(line)) : [],
  };
}
