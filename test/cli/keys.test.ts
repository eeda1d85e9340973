import { chmod, readFile, stat } from "node:fs/promises";

import { assert, suite } from "../support/suite.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/keys");

const ADD = ["keys", "add", "alice", "--tools", "batch_*,resize", "--server-id", "prod"];

async function listed(): Promise<Record<string, unknown>[]> {
  const { stdout } = await run(["keys", "list", "--json"]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("add makes ring and credentials, both private, and prints the key's id alone", () =>
  inFolder(async () => {
    const added = await run([...ADD, "--out", "alice.json", "--address", "example.org:443"]);
    assert.is(added.code, 0, added.stderr);
    const credentials = JSON.parse(await readFile("alice.json", "utf8"));
    assert.is(added.stdout, `${credentials.key_id}\n`);
    assert.not.match(added.stdout + added.stderr, /sw[sr]_/);
    assert.equal(
      [credentials.address, credentials.server_id, credentials.client_id],
      ["example.org:443", "prod", "alice"],
    );
    assert.is((await stat("alice.json")).mode & 0o777, 0o600);
    assert.is((await stat(".sealwire")).mode & 0o777, 0o700);
    const [key] = await listed();
    assert.equal([key?.keyId, key?.state, key?.tools], [credentials.key_id, "active", ["batch_*", "resize"]]);
  }));

test("add prints secrets only when it is asked to, and overwrites nothing", () =>
  inFolder(async () => {
    assert.match((await run(ADD)).stderr, "--out FILE, or --print");
    const printed = await run([...ADD, "--print"]);
    assert.match(JSON.parse(printed.stdout).request_key, /^sws_/);
    await run([...ADD, "--out", "a.json"]);
    const again = await run([...ADD, "--out", "a.json"]);
    assert.is(again.code, 2);
    assert.match(again.stderr, "is not overwritten");
    assert.is((await listed()).length, 2);
  }));

test("add wants an allow-list, and a server id where there is no ring", () =>
  inFolder(async () => {
    const bare = await run(["keys", "add", "alice", "--print"]);
    assert.match(bare.stderr, "--tools");
    const ringless = await run(["keys", "add", "alice", "--print", "--tools", "*"]);
    assert.match(ringless.stderr, "--server-id NAME");
    assert.equal([bare.code, ringless.code], [2, 2]);
  }));

test("a key with a role needs no allow-list, and the list shows the role", () =>
  inFolder(async () => {
    const added = await run(["keys", "add", "ann", "--role", "operator", "--server-id", "prod", "--out", "ann.json"]);
    assert.is(added.code, 0, added.stderr);
    await run([...ADD, "--out", "alice.json"]);
    await run(["keys", "rotate", "ann", "--out", "ann-2.json"]);
    assert.equal(
      (await listed()).map(({ clientId, role, tools }) => [clientId, role, tools]),
      [
        ["ann", "operator", []],
        ["alice", undefined, ["batch_*", "resize"]],
        ["ann", "operator", []],
      ],
    );
    assert.match(
      (await run(["keys", "list"])).stdout,
      /^KEY +CLIENT +STATE +ROLE +TOOLS.*\n.* ann +retiring +operator +-/,
    );
    const odd = await run(["keys", "add", "bob", "--role", "admin", "--out", "bob.json"]);
    assert.is(odd.code, 2);
    assert.match(odd.stderr, "Allowed choices are viewer, operator");
  }));

test("the life of a key: rotated, retired, revoked", () =>
  inFolder(async () => {
    const first = (await run([...ADD, "--out", "1.json"])).stdout.trim();
    const rotated = await run(["keys", "rotate", "alice", "--grace", "7d", "--out", "2.json"]);
    assert.match(rotated.stderr, `sealwire keys revoke ${first}`);
    const second = rotated.stdout.trim();
    await run(["keys", "retire", second]);
    await run(["keys", "revoke", first]);
    const states = (await listed()).map((key) => [key.keyId, key.state, typeof key.notAfter]);
    assert.equal(states, [
      [first, "revoked", "string"],
      [second, "retiring", "undefined"],
    ]);
    const table = (await run(["keys", "list"])).stdout;
    assert.match(table, /^KEY +CLIENT +STATE/);
    assert.match(table, "batch_*,resize");
    assert.is((await run(["keys", "revoke", "k_none"])).code, 2);
  }));

test("rotate-server prints the new secret's id and new keys come from it", () =>
  inFolder(async () => {
    await run([...ADD, "--out", "1.json"]);
    const id = (await run(["keys", "rotate-server"])).stdout.trim();
    await run([...ADD, "--out", "2.json"]);
    const [before, after] = (await listed()).map((key) => key.serverSecretId);
    assert.is(after, id);
    assert.is.not(before, id);
  }));

test("imported keys are those of the file, under the id and the client that the ring has them for", () =>
  inFolder(async () => {
    await run([...ADD, "--data", "other", "--out", "1.json"]);
    const { stdout } = await run([
      "keys",
      "add",
      "bob",
      "--tools",
      "*",
      "--server-id",
      "s",
      "--import",
      "1.json",
      "--out",
      "2.json",
    ]);
    const [one, two] = await Promise.all(
      ["1.json", "2.json"].map(async (name) => JSON.parse(await readFile(name, "utf8"))),
    );
    assert.equal([two.request_key, two.response_key], [one.request_key, one.response_key]);
    const [entry] = await listed();
    assert.is(entry?.serverSecretId, undefined);
    assert.equal([two.key_id, two.client_id], [entry?.keyId, "bob"]);
    assert.is(stdout, `${entry?.keyId}\n`);
  }));

test("a ring that others can read is refused with the line that mends it", () =>
  inFolder(async () => {
    await run([...ADD, "--out", "1.json"]);
    await chmod(".sealwire/key-ring.json", 0o644);
    for (const command of [
      ["keys", "list"],
      ["serve", "--demo-tools"],
    ]) {
      const { code, stderr } = await run(command);
      assert.is(code, 2);
      assert.match(stderr, /^ {2}try: chmod 600 \.sealwire\/key-ring\.json$/m);
    }
  }));

test.run();
