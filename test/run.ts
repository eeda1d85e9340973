import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { type FileResult, killTestProcesses, runTestFile } from "./support/test-process.ts";

/*
 * Runs test files, each in its own process: `node test/run.ts [options] [part of a path…]`.
 *
 *   --long            the longer suites (*.long.ts) in place of the usual ones (*.test.ts)
 *   --interop         those with clients in other languages (*.interop.ts)
 *   --crash           the suites that kill (*.crash.ts) in place of the usual ones
 *   --hostile         those with unkind neighbours (*.hostile.ts), and what they cost the others
 *   --show            what files print, also where they pass
 *   --times           at the end, which files used how much of the processors, without that of daemons
 *   --root <folder>   where to look, by default this folder
 *   --jobs <n>        files at a time, by default one more than there are cores: they mostly wait
 *   --limit-ms <n>    how long a file may take, by default 120000
 *
 * The last line is "N passed, N failed", with ", N skipped" if any were. Exits 1 unless every file ran and passed.
 */
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: "boolean", default: false },
    interop: { type: "boolean", default: false },
    crash: { type: "boolean", default: false },
    hostile: { type: "boolean", default: false },
    show: { type: "boolean", default: false },
    times: { type: "boolean", default: false },
    root: { type: "string", default: import.meta.dirname },
    jobs: { type: "string", default: String(availableParallelism() + 1) },
    "limit-ms": { type: "string", default: "120000" },
  },
});

const root = resolve(options.root);
const kind = (["interop", "long", "crash", "hostile"] as const).find((each) => options[each]) ?? "test";
const files = globSync(`**/*.${kind}.ts`, { cwd: root })
  .sort()
  .filter((file) => positionals.length === 0 || positionals.some((part) => resolve(root, file).includes(part)));

const total = { passed: 0, failed: 0, skipped: 0 };
const used: { readonly path: string; readonly seconds: number }[] = [];

async function runFile(file: string): Promise<void> {
  const startedAt = performance.now();
  const result = await runTestFile(resolve(root, file), Number(options["limit-ms"]));
  const bad = result.failed > 0 || result.problems.length > 0;
  total.passed += result.passed;
  total.failed += result.failed + (result.problems.length > 0 ? 1 : 0);
  total.skipped += result.skipped.length;
  const path = relative(process.cwd(), resolve(root, file));
  if (result.cpuSeconds !== undefined) used.push({ path, seconds: result.cpuSeconds });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const counts = `${result.passed + result.failed} tests, ${seconds} s`;
  console.log(`${bad ? "FAIL" : "ok  "} ${path} (${counts})`);
  for (const skipped of result.skipped) console.log(`     skipped: ${skipped}`);
  if (bad || options.show) console.log(printed(result));
}

function printTimes(): void {
  const row = (seconds: number, what: string) => console.log(`${seconds.toFixed(1).padStart(8)} s  ${what}`);
  console.log("\nTime of processors:");
  for (const { seconds, path } of used.toSorted((one, other) => other.seconds - one.seconds)) row(seconds, path);
  row(
    used.reduce((sum, { seconds }) => sum + seconds, 0),
    "in all",
  );
}

function printed(result: FileResult): string {
  const lines = [...result.problems.map((problem) => `the file ${problem}`), ...result.output.trimEnd().split("\n")];
  return lines.map((line) => `     ${line}`.trimEnd()).join("\n");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killTestProcesses();
    process.exit(1);
  });
}

if (files.length === 0) {
  console.log(`no test file under ${root} matches ${positionals.join(" ") || "the pattern"}`);
  total.failed += 1;
}
const queue = files.values();
const jobs = Math.max(1, Number(options.jobs));
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (const file of queue) await runFile(file);
  }),
);
if (options.times) printTimes();
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
