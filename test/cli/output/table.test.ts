import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { relativeTime } from "../../../src/cli/output/shown-time.ts";
import { printTable } from "../../../src/cli/output/table.ts";
import { displayWidth, wrapText } from "../../../src/cli/output/text-layout.ts";
import { writeCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { inFolder, RecordingTerminal, run } from "../cli-run.ts";

/* Tables fit the screen, and say everything where there is none. */
const test = suite("cli/output/table");

const HEADINGS = ["NAME", "TYPE", "TEXT"];
const ROWS = [
  ["alpha", "sealwire.demo.v1.BatchSumRequest", "Adds up a list of numbers, from left to right."],
  ["beta", "t", "Sleeps."],
];

function printed(dataColumns: number | undefined, rows = ROWS): string[] {
  const terminal = new RecordingTerminal(dataColumns === undefined ? {} : { dataColumns });
  printTable(terminal, HEADINGS, rows);
  return terminal.stdout.trimEnd().split("\n");
}

test("without a screen a row is one line with all of its text", () => {
  assert.equal(printed(undefined), [
    "NAME   TYPE                              TEXT",
    "alpha  sealwire.demo.v1.BatchSumRequest  Adds up a list of numbers, from left to right.",
    "beta   t                                 Sleeps.",
  ]);
  assert.equal(printed(200), printed(undefined));
});

test("a table has as many rows as there are", () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [`${index}`, "a.b", "some words"]);
  assert.is(printed(undefined, rows).length, 200_001);
});

test("on a narrow screen cells wrap between words, and no line is longer than the screen", () => {
  assert.equal(printed(50), [
    "NAME   TYPE                  TEXT",
    "alpha  sealwire.demo.v1.     Adds up a list of",
    "       BatchSumRequest       numbers, from left to",
    "                             right.",
    "beta   t                     Sleeps.",
  ]);
});

test("where words would have to be cut, each row is a block", () => {
  assert.equal(printed(24), [
    "NAME  alpha",
    "TYPE  sealwire.demo.v1.",
    "      BatchSumRequest",
    "TEXT  Adds up a list of",
    "      numbers, from left",
    "      to right.",
    "",
    "NAME  beta",
    "TYPE  t",
    "TEXT  Sleeps.",
  ]);
});

test("every width keeps every word", () => {
  const words = (lines: readonly string[]) => lines.join(" ").split(/[ ]+/).join("");
  for (let columns = 12; columns < 100; columns += 1) {
    const lines = printed(columns);
    for (const text of ROWS.flat()) for (const word of text.split(" ")) assert.match(words(lines), word.slice(0, 8));
    const longest = Math.max("sealwire.".length + 6, "BatchSumRequest".length + 6);
    if (columns >= longest) assert.ok(Math.max(...lines.map(displayWidth)) <= columns, `${columns}`);
  }
});

test("characters that take two columns are counted so", () => {
  assert.is(displayWidth("漢字"), 4);
  assert.is(displayWidth("e\u0301🎉"), 3);
  assert.equal(wrapText("漢字 漢字", 5), ["漢字", "漢字"]);
});

test("a time is as near as people say it", () => {
  const cases: [number, string][] = [
    [0, "now"],
    [1_999, "now"],
    [59_400, "59 s ago"],
    [3 * 60_000, "3 min ago"],
    [5 * 3_600_000, "5 hours ago"],
    [72 * 3_600_000, "3 days ago"],
    [-7 * 86_400_000, "in 7 days"],
    [200 * 86_400_000, "2026-05-12"],
  ];
  const nowMs = Date.UTC(2026, 10, 28, 12);
  for (const [ago, text] of cases) assert.is(relativeTime(nowMs - ago, nowMs), text);
});

test("jobs and keys show how long ago on a screen, and the exact time elsewhere", () =>
  inFolder(async () => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    const access = ["--credentials", "client.json"];
    const started = await run(["call", "start_long_task", '{"seconds":1}', "--detach", ...access]);
    const { jobId } = JSON.parse(started.stdout).job;
    await run(["jobs", "watch", jobId, ...access]);
    const screen = await run(["jobs", "list", ...access], { dataColumns: 80 });
    assert.match(screen.stdout, / (now|\d+ (?:s|min) ago) /);
    assert.not.match(screen.stdout, /T\d\d:/);
    assert.ok(Math.max(...screen.stdout.split("\n").map(displayWidth)) <= 80, screen.stdout);
    assert.match(screen.stdout, jobId);
    assert.match((await run(["jobs", "list", ...access])).stdout, /\d{4}-\d\d-\d\dT\d\d:\d\d/);
    const got = await run(["jobs", "get", jobId, ...access], { dataColumns: 80 });
    assert.match(got.stdout, /^created +\d{4}-.+Z, (now|\d+ (?:s|min) ago)$/m);
    assert.match(got.stdout, /^expires +\d{4}-.+Z, in 2[34] hours$/m);
    await run(["keys", "add", "ann", "--server-id", "s", "--tools", "*", "--print"]);
    assert.match((await run(["keys", "list"], { dataColumns: 200 })).stdout, / (now|\d+ (?:s|min) ago) /);
    assert.match((await run(["keys", "list"])).stdout, /\d{4}-\d\d-\d\dT\d\d:\d\d/);
  }));

const ON_TERMINAL = "a real terminal of 60 columns gets lines of 60 columns";
const onTerminal = () =>
  inFolder(async (cwd) => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    const main = join(import.meta.dirname, "../../../src/cli/main.ts");
    const command = `stty cols 60; '${process.execPath}' '${main}' tools --credentials client.json`;
    const { stdout } = await promisify(execFile)("script", ["-qec", command, "/dev/null"], { cwd });
    const lines = stripVTControlCharacters(stdout).trimEnd().split("\r\n");
    assert.ok(lines.length > 5, stdout);
    assert.ok(Math.max(...lines.map(displayWidth)) <= 60, stdout);
    assert.match(stdout, "batch_sum");
  });

if (spawnSync("script", ["--version"]).status === 0) test(ON_TERMINAL, onTerminal);
else test.skip(ON_TERMINAL, "script, which makes a terminal, is not installed");

test.run();
