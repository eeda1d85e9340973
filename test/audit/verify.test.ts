import { appendFileSync, copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { CHAIN_START, type ChainHead, readLine, sealLine } from "../../src/audit/line.ts";
import { AuditVerifier } from "../../src/audit/verify.ts";
import { verifyFiles } from "../../src/audit/verify-files.ts";
import { macKey } from "../../src/signing/mac.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { AuditFolder, call, KEY, MemoryHeads, problemsOf, writeCalls } from "./audit-file.ts";

const test = suite("audit/verify");

/** The text of a file with these lines. */
function lineText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** The problems of a log of 20 calls, 22 lines in all, after `change`. */
async function problemsAfter(change: (lines: string[]) => readonly string[]): Promise<string[]> {
  using folder = new AuditFolder();
  await writeCalls(folder, 20);
  writeFileSync(
    folder.path,
    change(folder.lines())
      .map((line) => `${line}\n`)
      .join(""),
  );
  return problemsOf(await folder.verify());
}

test("nothing is wrong with a log as it was written", async () => {
  assert.equal(await problemsAfter((lines) => lines), []);
});

test("a changed line is found, whatever is changed in it", async () => {
  const changed = (from: string, to: string) => (lines: string[]) =>
    lines.map((line, index) => (index === 9 ? line.replace(from, to) : line));
  for (const [from, to] of [
    ['"client":"ann"', '"client":"bob"'],
    ["call-9", "call-8"],
    ['"outcome":"succeeded"', '"outcome":"refused"'],
    ['"time":"', '"time" :"'],
  ] as const) {
    const [problem = "", ...others] = await problemsAfter(changed(from, to));
    assert.match(problem, /was changed/, from);
    assert.equal(others, [], from);
  }
  const prev = await problemsAfter((lines) =>
    lines.map((line, i) => (i === 9 ? line.replace(/"prev":"../, '"prev":"zz') : line)),
  );
  assert.match(prev[0] ?? "", /was changed/);
});

test("a removed line is found", async () => {
  assert.equal(await problemsAfter((lines) => lines.toSpliced(9, 1)), ["line 10 is missing before this one"]);
});

test("lines that changed places are found", async () => {
  const problems = await problemsAfter((lines) => lines.toSpliced(9, 2, lines[10] ?? "", lines[9] ?? ""));
  assert.equal(problems, [
    "line 10 is missing before this one",
    "has the sequence 10 after 11: it was moved or repeated",
  ]);
});

test("a repeated line and a line of something else are found", async () => {
  assert.match((await problemsAfter((lines) => lines.toSpliced(9, 0, lines[3] ?? "")))[0] ?? "", /moved or repeated/);
  assert.equal(await problemsAfter((lines) => lines.toSpliced(9, 0, "call of ann")), ["is no line of an audit log"]);
  const posed = '{"version":1,"chain":"x","action":"call.end"}';
  assert.equal(await problemsAfter((lines) => lines.toSpliced(9, 0, posed)), ["is no line of an audit log"]);
});

test("lines of other software are a note", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 1);
  appendFileSync(folder.path, '{"level":"info","msg":"drained"}\n');
  const { findings, notes } = await folder.verify();
  assert.equal([findings, notes.map(({ problem }) => problem)], [[], ["1 lines of other software"]]);
});

test("the last ten lines cut off are found by the head in the store", async () => {
  const [problem = "", ...others] = await problemsAfter((lines) => lines.slice(0, -10));
  assert.match(problem, /^lines 13 to 22 are missing at the end of the chain/);
  assert.equal(others, []);
});

/** Makes a chain of 22 lines anew with a key. */
function anew(lines: readonly string[], key: typeof KEY): string[] {
  const chain = readLine(lines[0] ?? "")?.head.chain ?? "";
  let head: ChainHead = { chain, sequence: 0, mac: CHAIN_START };
  return lines.map((_, index) => {
    const context = { timeMs: 0, server: "test-server", instance: "i", secret: key.secretId };
    const line = sealLine(call(`forged-${index}`), head, context, key.key);
    head = line.head;
    return line.text;
  });
}

test("a chain that was made anew without the key is found", async () => {
  const problems = await problemsAfter((lines) => anew(lines, { ...KEY, key: macKey(Buffer.alloc(32, 8)) }));
  assert.is(problems.filter((problem) => problem.includes("its MAC is wrong")).length, 22);
});

test("a chain that was made anew with the key is found by the head in the store", async () => {
  const problems = await problemsAfter((lines) => anew(lines, KEY));
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /line 22 .+ was made anew/);
  // The forger may also write on.
  assert.match((await problemsAfter((lines) => anew([...lines, "", ""], KEY)))[0] ?? "", /line 22 .+ was made anew/);
});

test("a line in the place of another is found, even if its MAC is right", async () => {
  const problems = await problemsAfter((lines) => lines.with(9, anew(lines, KEY)[9] ?? ""));
  assert.is(problems.length, 2);
  for (const problem of problems) assert.match(problem, "does not follow the line before it");
});

test("a line that names a server secret that is not given is found", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 1);
  const problems = problemsOf(await folder.verify([folder.path], { ...KEY, secretId: "s_other" }));
  assert.match(problems[0] ?? "", /"s_test", which is not given/);
});

/** Writes three files by two rotations. */
async function rotated(folder: AuditFolder): Promise<readonly [string, string, string]> {
  const [first, second] = [folder.file("audit.log.2"), folder.file("audit.log.1")];
  await using log = await folder.open();
  log.note(call("first"));
  await log.reopen();
  renameSync(folder.path, first);
  await log.reopen();
  log.note(call("second"));
  await log.reopen();
  renameSync(folder.path, second);
  await log.reopen();
  return [first, second, folder.path];
}

test("files of a rotation are one chain", async () => {
  using folder = new AuditFolder();
  const files = await rotated(folder);
  assert.equal(problemsOf(await folder.verify(files)), []);
  assert.equal(problemsOf(await folder.verify(files.slice(1))), []);
});

test("a rotation while files are read takes no line out of the check", async () => {
  using folder = new AuditFolder();
  await using log = await folder.open();
  const rotate = async (name: string) => {
    log.note(call(`before ${name}`));
    await log.reopen();
    renameSync(folder.path, folder.file(name));
    await log.reopen();
  };
  await rotate("first");
  const heads = {
    async read(chain: string) {
      const head = await folder.heads.read(chain);
      await rotate("second");
      return head;
    },
  };
  const verifier = new AuditVerifier(new Map([[KEY.secretId, KEY.key]]));
  await verifyFiles(verifier, { files: [folder.file("first"), folder.path], heads });
  const { lines, findings } = verifier.end();
  assert.equal([findings, lines], [[], 4]);
});

test("a compressed file is refused, and not taken for one that was changed", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 3);
  const file = folder.file("audit.log-1.gz");
  writeFileSync(file, gzipSync(readFileSync(folder.path)));
  const { message } = await rejection("OPTIONS_INVALID", folder.verify([file, folder.path]));
  assert.match(message, /audit\.log-1\.gz is compressed\.\nDecompress it first/);
});

test("a missing file between two, and files in the wrong order are found", async () => {
  using folder = new AuditFolder();
  const [first, second, third] = await rotated(folder);
  assert.equal(problemsOf(await folder.verify([first, third])), ["lines 3 to 4 are missing before this one"]);
  assert.ok(problemsOf(await folder.verify([second, first, third])).length > 0);
  copyFileSync(first, folder.file("copy"));
  assert.ok(problemsOf(await folder.verify([first, folder.file("copy"), second, third])).length > 0);
});

test("a file that was removed while the server did not run is named by the next one", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 5);
  copyFileSync(folder.path, folder.file("old"));
  rmSync(folder.path);
  await writeCalls(folder, 5);
  const both = await folder.verify([folder.file("old"), folder.path]);
  assert.equal([problemsOf(both), both.notes], [[], []]);
  const { findings, notes } = await folder.verify();
  assert.equal([findings, notes.length], [[], 1]);
  assert.match(notes[0]?.problem ?? "", /after line 7 of the chain [0-9a-f]{32}, which is not in these files/);
});

test("lines cut off at the end of a file that was moved away are found by the next one alone", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 5);
  writeFileSync(folder.file("cut"), lineText(folder.lines().slice(0, -3)));
  rmSync(folder.path);
  await writeCalls(folder, 5);
  const files = [folder.file("cut"), folder.path];
  assert.match(
    problemsOf(await folder.verify(files, KEY, new MemoryHeads())).join(),
    /^lines 5 to 7 are missing at the end/,
  );
  assert.is(problemsOf(await folder.verify(files)).length, 1);
});

test("a log that goes on with another store, and with the first one again, was not changed", async () => {
  using folder = new AuditFolder();
  const other = new MemoryHeads();
  await writeCalls(folder, 20);
  renameSync(folder.path, folder.file("old"));
  await writeCalls(folder, 5, { heads: other });
  const files = [folder.file("old"), folder.path];
  for (const heads of [folder.heads, other]) assert.equal(problemsOf(await folder.verify(files, KEY, heads)), []);
  await writeCalls(folder, 5);
  for (const heads of [folder.heads, other]) assert.equal(problemsOf(await folder.verify(files, KEY, heads)), []);
});

test("machines of one name that share a store have chains of their own", async () => {
  using folder = new AuditFolder();
  using other = new AuditFolder();
  const { heads } = folder;
  // Both write the same path, each on its own disk.
  await writeCalls(folder, 20);
  renameSync(folder.path, other.path);
  await writeCalls(folder, 5);
  renameSync(folder.path, folder.file("second"));
  renameSync(other.path, folder.path);
  await writeCalls(folder, 5);
  renameSync(folder.path, other.path);
  renameSync(folder.file("second"), folder.path);
  await writeCalls(folder, 1);
  for (const file of [other.path, folder.path]) assert.equal(problemsOf(await folder.verify([file], KEY, heads)), []);
});

test("a file that was moved after a crash, with lines beyond the recorded head, was not changed", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 5);
  const before = new Map(folder.heads.heads);
  await writeCalls(folder, 5);
  // The process was killed before it recorded the head of its last lines.
  for (const [chain, head] of before) folder.heads.heads.set(chain, head);
  renameSync(folder.path, folder.file("old"));
  await writeCalls(folder, 5);
  assert.equal(problemsOf(await folder.verify([folder.file("old"), folder.path])), []);
});

test("a line whose bytes were changed to others of the same text is found", async () => {
  using folder = new AuditFolder();
  {
    await using log = await folder.open();
    log.note({ ...call("one"), target: { type: "job", id: "\ufffd" } });
  }
  const bytes = readFileSync(folder.path);
  const at = bytes.indexOf("\ufffd");
  writeFileSync(folder.path, Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)]));
  assert.equal(problemsOf(await folder.verify()), ["line 2 is missing before this one", "is no line of an audit log"]);
});

test("a JSON line that poses as one of the log, but has no place in it, is found", async () => {
  const posed = '{"version":1,"time":"2026-11-30T09:12:44.931Z","action":"key.revoke","outcome":"succeeded"}';
  assert.equal(await problemsAfter((lines) => lines.toSpliced(9, 0, posed)), ["is no line of an audit log"]);
});

test("lines cut off while the server did not run stay missing", async () => {
  using folder = new AuditFolder();
  await writeCalls(folder, 5);
  writeFileSync(
    folder.path,
    folder
      .lines()
      .slice(0, -3)
      .map((line) => `${line}\n`)
      .join(""),
  );
  await writeCalls(folder, 5);
  assert.equal(problemsOf(await folder.verify()), ["lines 5 to 7 are missing before this one"]);
});

test("a line that is too long to be read is found, and the lines after it are checked", async () => {
  const long = (lines: string[]) => lines.toSpliced(9, 0, "x".repeat(3_000_000));
  const found = "is longer than any that a server writes";
  assert.equal(await problemsAfter(long), [found]);
  assert.equal(await problemsAfter((lines) => long(lines.toSpliced(12, 1))), [
    found,
    "line 13 is missing before this one",
  ]);
});

test.run();
