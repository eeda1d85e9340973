import { execFileSync } from "node:child_process";
import { cpus, release, type as system, totalmem } from "node:os";
import { join } from "node:path";
import { findPostgres } from "../../examples/cluster/private-postgres.ts";
import type { SuiteResult } from "./run-suite.ts";

/** A long run so far. */
export interface LongRun {
  readonly startedAt: Date;
  /** What was typed. */
  readonly command: string;
  readonly results: readonly SuiteResult[];
}

/** Writes the page about a run. */
export function writePage(run: LongRun): string {
  const { results } = run;
  const campaigns = results.flatMap((result) => result.campaigns);
  return [
    "# A long run of the tests",
    "",
    "`npm run test:full` wrote this page. What the crash campaign does stands in [reliability.md](reliability.md).",
    "",
    ...table(["", ""], circumstances(run)),
    "",
    "## Suites",
    "",
    ...table(
      ["suite", "counts", "result", "took"],
      results.map(({ suite, summary = "ended before its end", succeeded, seconds }) => [
        suite.name,
        suite.counts.replaceAll("--", ""),
        succeeded ? summary : `**${summary}**`,
        duration(seconds),
      ]),
    ),
    ...(campaigns.length === 0 ? [] : ["", "## Crash campaign", "", ...campaignTable(campaigns)]),
    ...results.flatMap(({ suite, printed }) =>
      printed.length === 0 ? [] : ["", `## Figures of: ${suite.name}`, "", "```text", ...printed.map(unindent), "```"],
    ),
    "",
  ].join("\n");
}

function circumstances({ startedAt, command, results }: LongRun): string[][] {
  const [cpu, ...more] = cpus();
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  return [
    ["command", `\`${command}\``],
    ["date", `${startedAt.toISOString().slice(0, 16).replace("T", " ")} UTC`],
    ["commit", commit()],
    ["machine", `${more.length + 1} × ${cpu?.model.trim()}, ${gibibytes} GiB, ${system()} ${release()}`],
    ["Node.js", process.versions.node],
    ["PostgreSQL", postgresVersion()],
    ["took", duration(results.reduce((sum, { seconds }) => sum + seconds, 0))],
  ];
}

/** One column a scenario; rows are those that any of them has. */
function campaignTable(campaigns: readonly Readonly<Record<string, string | number>>[]): string[] {
  const names = [...new Set(campaigns.flatMap((figures) => Object.keys(figures)))];
  const rows = names.filter((name) => name !== "scenario" && name !== "replay" && name !== "violations");
  const row = (name: string) => [name, ...campaigns.map((figures) => shown(figures[name]))];
  return [
    ...table(
      ["", ...campaigns.map(({ scenario }) => String(scenario))],
      [...rows.map(row), row("violations").map((cell) => `**${cell}**`)],
    ),
    "",
    "The same faults again, at moments that are the machine's:",
    "",
    "```text",
    ...campaigns.map(({ replay }) => String(replay)),
    "```",
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function shown(figure: string | number | undefined): string {
  return typeof figure === "number" ? figure.toLocaleString("en-US") : (figure ?? "");
}

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

function unindent(line: string): string {
  return line.replace(/^ {5}/, "");
}

function commit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", ":/", ":(top,exclude)docs/test-full.md") !== "";
  return git("rev-parse", "--short=12", "HEAD") + (changed ? ", with changes" : "");
}

function postgresVersion(): string {
  const folder = findPostgres();
  if (folder === undefined) return "not installed";
  return execFileSync(join(folder, "postgres"), ["--version"], { encoding: "utf8" })
    .trim()
    .replace(/^.*\) /, "");
}
