import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filePins } from "../../../src/client/pins/pin-file.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("client/pins/pin-file");

let path = "";
test.before.each(() => {
  path = join(mkdtempSync(join(tmpdir(), "sealwire-pins-")), "pins.json");
});
test.after.each(() => rmSync(join(path, ".."), { recursive: true, force: true }));

const tool = (name: string, digit: string, ...lines: string[]) => ({ name, digest: digit.repeat(64), lines });

test("a tool is accepted as it was first seen, in every process, and another definition is not", async () => {
  assert.equal(await filePins({ path }).check("s", tool("add", "a", "description: Adds.")), {
    kind: "accepted",
    isNew: true,
  });
  const other = filePins({ path });
  assert.equal(await other.check("s", tool("add", "a", "description: Adds.")), { kind: "accepted", isNew: false });
  assert.equal(await other.check("s", tool("add", "b", "description: Leaks.")), {
    kind: "changed",
    pinned: "a".repeat(64),
    difference: ["- description: Adds.", "+ description: Leaks."],
  });
  assert.equal((await other.check("another-server", tool("add", "b"))).kind, "accepted");
});

test("a difference that is not shown is a difference", async () => {
  const pins = filePins({ path });
  await pins.check("s", tool("add", "a", "one"));
  const verdict = await pins.check("s", tool("add", "b", "one"));
  assert.is(verdict.kind === "changed" && verdict.difference.length, 1);
});

test("what one process approves or forgets holds in the others at once", async () => {
  const [one, other] = [filePins({ path }), filePins({ path })];
  await one.check("s", tool("add", "a"));
  await other.check("s", tool("sub", "a"));
  await other.approve("s", [tool("add", "b")]);
  assert.is((await one.check("s", tool("add", "b"))).kind, "accepted");
  assert.equal([...(await one.list("s")).keys()], ["add", "sub"]);
  await other.reset("s", ["sub"]);
  assert.equal([...(await one.list("s")).keys()], ["add"]);
  assert.is(await one.compare("s", tool("sub", "c")), undefined);
  await other.reset("s");
  assert.is((await one.list("s")).size, 0);
});

test("tools that many processes see at once are all pinned, each once", async () => {
  const all = Array.from({ length: 8 }, () => filePins({ path }));
  const verdicts = await Promise.all(
    all.flatMap((pins, i) => [pins.check("s", tool("same", "a")), pins.check("s", tool(`t${i}`, "b"))]),
  );
  assert.is(verdicts.filter((verdict) => verdict.kind === "accepted" && verdict.isNew).length, 9);
  assert.is((await filePins({ path }).list("s")).size, 9);
});

test("only the owner can read the file, and names that objects have by themselves are names", async () => {
  const pins = filePins({ path });
  await pins.check("__proto__", tool("constructor", "a"));
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.is((await filePins({ path }).list("__proto__")).size, 1);
  assert.is((await pins.list("constructor")).size, 0);
});

test("a file that cannot be used is named with the fault, and stays as it is", async () => {
  const faults: readonly [string, string][] = [
    ["{", "is not valid JSON at line 1"],
    ["[]", "must be a JSON object"],
    ['{"version":2,"servers":{}}', "version"],
    [
      '{"version":1,"servers":{"s":{"add":{"digest":"A","pinned_at":"2026-01-01T00:00:00Z","definition":[]}}}}',
      "servers.s.add.digest",
    ],
    ['{"version":1,"servers":{"s":{"Add":{}}}}', "servers.s.Add"],
    ['{"version":1,"servers":{},"more":1}', "more"],
  ];
  for (const [text, named] of faults) {
    writeFileSync(path, text, { mode: 0o600 });
    const pins = filePins({ path });
    for (const attempt of [() => pins.check("s", tool("add", "a")), () => pins.approve("s", [tool("add", "a")])]) {
      const { message } = await rejection("OPTIONS_INVALID", attempt());
      assert.ok(message.includes(path) && message.includes(named), message);
    }
    assert.is(readFileSync(path, "utf8"), text);
  }
  chmodSync(path, 0o644);
  assert.match((await rejection("OPTIONS_INVALID", filePins({ path }).list("s"))).message, "chmod 600");
});

test("a folder that does not exist is named", async () => {
  const { message } = await rejection(
    "OPTIONS_INVALID",
    filePins({ path: "/absent/pins.json" }).check("s", tool("add", "a")),
  );
  assert.match(message, "/absent/pins.json");
});

test.run();
