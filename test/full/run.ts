import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writePage } from "./page.ts";
import { runSuite, type SuiteResult } from "./run-suite.ts";
import { longSuites } from "./suites.ts";

/*
 * `npm run test:full`: every suite with long counts, about two hours on two idle cores. Writes docs/test-full.md after
 * each suite, so that a run that is broken off leaves what it came to.
 *
 *   --kills <n>     processes that are killed in each scenario that loses nothing, by default 200
 *   --strikes <n>   strikes on the store in each scenario about files and failovers, by default 12
 *   --cluster-strikes <n>  strikes on the cluster that fails over by itself, by default 24: 20 failovers, and etcd four times
 *   --upstream-kills <n>  upstreams that are killed, or drain, in each scenario about them, by default 250
 *   --runs <n>      draws of each property, by default 2000
 *   --only <parts>  the suites whose name holds one of these, which have commas between
 *   --to <file>     where the page goes
 */
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    strikes: { type: "string", default: "12" },
    "cluster-strikes": { type: "string", default: "24" },
    "upstream-kills": { type: "string", default: "250" },
    runs: { type: "string", default: "2000" },
    only: { type: "string", default: "" },
    to: { type: "string", default: join(import.meta.dirname, "../../docs/test-full.md") },
  },
});

const startedAt = new Date();
const counts = {
  kills: Number(options.kills),
  strikes: Number(options.strikes),
  clusterStrikes: Number(options["cluster-strikes"]),
  upstreamKills: Number(options["upstream-kills"]),
  runs: Number(options.runs),
};
const results: SuiteResult[] = [];
const typed = process.argv.slice(2).map((text) => (text.includes(" ") ? `"${text}"` : text));
const command = ["npm run test:full", ...(typed.length > 0 ? ["--", ...typed] : [])].join(" ");
const parts = options.only.split(",");
for (const suite of longSuites(counts).filter(({ name }) => parts.some((part) => name.includes(part)))) {
  console.log(`\n=== ${suite.name} ${suite.counts}`);
  results.push(await runSuite(suite));
  writeFileSync(options.to, writePage({ startedAt, command, results }));
}
const failed = results.filter(({ succeeded }) => !succeeded);
console.log(`\n${results.length - failed.length} suites passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0;
