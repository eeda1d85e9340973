import { chmod, rename, writeFile } from "node:fs/promises";
import { openConsoleTokens, readConsoleTokens } from "../../src/console/principals.ts";
import { tokenDigest } from "../../src/files/token-lines.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { inFolder } from "../cli/cli-run.ts";
import { eventually, settled } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("console/principals");

const TOKEN = "0123456789abcdef0123456789abcdef";

async function reading(text: string, mode = 0o600): Promise<unknown> {
  let read: unknown;
  await inFolder(async () => {
    await writeFile("tokens", text);
    await chmod("tokens", mode);
    read = await readConsoleTokens("tokens");
  });
  return read;
}

test("each line is a person with a role and a token, or its digest", async () => {
  const hash = tokenDigest("another").toString("hex");
  assert.equal(await reading(`# people\n\nada operator ${TOKEN}\n bob  viewer sha256:${hash} \n`), [
    { name: "ada", role: "operator", digest: tokenDigest(TOKEN) },
    { name: "bob", role: "viewer", digest: tokenDigest("another") },
  ]);
});

test("a line that is none is refused without showing it, and so is a file that others can read", async () => {
  const bad = [
    "",
    "ada operator",
    `ada operator ${TOKEN} more`,
    `ada admin ${TOKEN}`,
    `a/b viewer ${TOKEN}`,
    "ada viewer short",
    "ada viewer sha256:12",
    `ada viewer ${TOKEN}\nada viewer ${TOKEN}x`,
    `ada viewer ${TOKEN}\nbob viewer ${TOKEN}`,
  ];
  for (const text of bad) {
    const { message } = await rejection("OPTIONS_INVALID", reading(text));
    assert.not.match(message, TOKEN, text);
  }
  assert.match((await rejection("OPTIONS_INVALID", reading(`ada viewer ${TOKEN}`, 0o644))).message, "0644");
});

test("a file that changes is read again; while it is bad, what was read before stays in force", () =>
  inFolder(async () => {
    const clock = new FakeClock();
    const write = async (text: string): Promise<void> => {
      await writeFile("new", text, { mode: 0o600 });
      await rename("new", "tokens");
    };
    await write(`ada operator ${TOKEN}`);
    const tokens = await openConsoleTokens("tokens", { clock, logger: silentLogger });
    const seen: string[] = [];
    await using _follower = tokens.follow((principals) => void seen.push(principals.map(({ name }) => name).join(" ")));
    const change = async (text: string, expected: readonly string[]): Promise<void> => {
      await write(text);
      await eventually("the file is read", () => {
        clock.advance(1_000);
        return seen.length === expected.length;
      });
      assert.equal(seen, expected);
    };
    await change(`ada viewer ${TOKEN}\nbob operator ${TOKEN}2`, ["ada bob"]);
    const look = async (): Promise<void> => {
      clock.advance(1_000);
      await settled();
    };
    await write("ada viewer short");
    for (let checks = 0; checks < 3; checks += 1) await look();
    // Whoever writes a file may empty it first.
    await write("");
    await look();
    assert.equal(seen, ["ada bob"]);
    await change(`bob operator ${TOKEN}2`, ["ada bob", "bob"]);
    await change(`# bob operator ${TOKEN}2`, ["ada bob", "bob", ""]);
  }));

test.run();
