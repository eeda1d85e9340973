import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CliProcess } from "../../cli/cli-process.ts";
import { installMcpPrograms } from "./packages.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What to run. */
export interface ConformanceRun {
  readonly url: string;
  /** Arguments that select scenarios, such as `--suite all`. */
  readonly select: readonly string[];
  /** The file of {@link readBaseline}. Default: everything must pass. */
  readonly baseline?: string;
}

/** How a run ended. */
export interface ConformanceResult {
  /** The suite's own verdict: 0 if what failed is in the baseline and what is in the baseline failed. */
  readonly code: number | null;
  readonly output: string;
  /** The scenarios that ran, sorted. */
  readonly scenarios: readonly string[];
  /** What failed or was warned of, sorted: an entry of the baseline for each, where it has one. */
  readonly failed: readonly string[];
}

/** The entries of a baseline with the reason of each. */
export type Baseline = ReadonlyMap<string, string>;

interface Check {
  readonly id: string;
  readonly status: string;
}

/** Runs scenarios of the conformance suite against an endpoint. */
export async function runConformance({ url, select, baseline }: ConformanceRun): Promise<ConformanceResult> {
  const { conformance } = await installMcpPrograms();
  await using folder = await temporaryFolder();
  const expected = baseline === undefined ? [] : ["--expected-failures", baseline];
  const args = ["server", "--url", url, ...select, ...expected, "--output-dir", folder.path];
  await using suite = new CliProcess(args, { cwd: folder.path, main: conformance });
  const { code, stdout, stderr } = await suite.ended;
  const known: Baseline = baseline === undefined ? new Map() : await readBaseline(baseline);
  const results = await Promise.all((await readdir(folder.path)).map((name) => readResult(join(folder.path, name))));
  const failed = results.flatMap(({ scenario, checks }) =>
    checks
      .filter(({ status }) => status === "FAILURE" || status === "WARNING")
      .map(({ id }) => (known.has(scenario) ? scenario : `${scenario}:${id}`)),
  );
  return {
    code,
    output: stdout + stderr,
    scenarios: results.map(({ scenario }) => scenario).sort(),
    failed: [...new Set(failed)].sort(),
  };
}

/** The scenarios that the suite has for extensions, which belong to no revision. */
export async function extensionScenarios(): Promise<readonly string[]> {
  const { conformance } = await installMcpPrograms();
  await using list = new CliProcess(["list", "--server"], { cwd: import.meta.dirname, main: conformance });
  const { stdout } = await list.ended;
  return [...stdout.matchAll(/^ {2}- (\S+) \[extension\]$/gm)].map(([, name = ""]) => name);
}

/** Reads a baseline. Throws if an entry has no reason. */
export async function readBaseline(path: string): Promise<Baseline> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line.trimStart().startsWith("- "));
  return new Map(
    lines.map((line) => {
      const [, entry, reason] = /^ {2}- (\S+) # (.+)$/.exec(line) ?? [];
      if (entry === undefined || reason === undefined) throw new Error(`${path}: "${line}" has no reason`);
      return [entry, reason];
    }),
  );
}

/** The suite writes a folder `server-SCENARIO-TIME` for each scenario. */
async function readResult(folder: string): Promise<{ readonly scenario: string; readonly checks: readonly Check[] }> {
  const [, scenario = ""] = /server-([^/]+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/.exec(folder) ?? [];
  if (scenario === "") throw new Error(`the suite wrote ${folder}, which names no scenario`);
  return { scenario, checks: JSON.parse(await readFile(join(folder, "checks.json"), "utf8")) };
}
