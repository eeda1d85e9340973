import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchName, benches } from "./benches/benches.ts";
import { readCommandLine } from "./options.ts";
import { describeCommand } from "./report/command.ts";
import { resultPage } from "./report/markdown.ts";
import { PAGES, withNewestResult } from "./report/page-section.ts";
import { describeCommit, describeMachine, describeSettings, type Result } from "./report/result.ts";
import { writeResult } from "./report/write-result.ts";

/* Runs benches: `node bench/run.ts [NAME…] [options]`. bench/README.md lists them. */

const typed = process.argv.slice(2);
const { names, options } = readCommandLine(typed);
const all = Object.keys(benches) as BenchName[];
const unknown = names.filter((name) => !all.some((known) => known === name));
if (unknown.length > 0) throw new Error(`there is no bench ${unknown.join(", ")}; there are ${all.join(", ")}`);

const commit = describeCommit();
for (const name of all.filter((each) => names.length === 0 || names.includes(each))) {
  options.progress(`== ${name}`);
  const bench = await benches[name]();
  const findings = await bench.run(options);
  const result: Result = {
    name,
    title: bench.title,
    at: new Date().toISOString(),
    ...(commit !== undefined && { commit }),
    machine: describeMachine(),
    settings: describeSettings(options),
    command: describeCommand(typed),
    ...findings,
  };
  writeResult(result, options.out);
  console.log(resultPage(result));
}

const results = join(import.meta.dirname, "results");
if (options.out === results) {
  for (const [name, { page }] of Object.entries(PAGES)) {
    const path = join(import.meta.dirname, "..", page);
    writeFileSync(path, withNewestResult(readFileSync(path, "utf8"), name));
  }
}
