import { access, readFile, writeFile } from "node:fs/promises";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/key-options");

const RING = ".sealwire/key-ring.json";
const FIRST = ["keys", "add", "first", "--tools", "*", "--server-id", "prod", "--out", "first.json"];

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Command lines that would make a ring or credentials that nobody reads again, and what names the fault. */
const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [["keys", "add", "my app", "--tools", "*"], /^error: The client id "my app" must be 1 to 128 printable/],
  [["keys", "add", "", "--tools", "*"], /^error: The client id "" must be/],
  [["keys", "add", "a\nb", "--tools", "*"], /^error: The client id "a\\nb" must be/],
  [["keys", "add", "é", "--tools", "*"], /^error: The client id "é" must be/],
  [["keys", "add", "x".repeat(129), "--tools", "*"], /^error: The client id "x{80}…" must be/],
  [["keys", "add", "a", "--tools", "Batch-Sum"], /^error: --tools "Batch-Sum" must be a tool name such as "batch_sum"/],
  [["keys", "add", "a", "--tools", "batch_*, resize"], /^error: --tools " resize" must be/],
  [["keys", "add", "a", "--tools", `x\n`], /^error: --tools "x\\n" must be/],
  [
    ["keys", "add", "a", "--tools", "*", "--burst", "0"],
    /^error: option '--burst <n>' .*It must be a whole number from 1 to 1000000/,
  ],
  [["keys", "add", "a", "--tools", "*", "--burst", "1000001"], /^error: option '--burst <n>' .*It must be a/],
  [
    ["keys", "add", "a", "--tools", "*", "--calls-per-second", "0.0001"],
    /^error: option '--calls-per-second <n>' .*It must be a/,
  ],
  [
    ["keys", "add", "a", "--tools", "*", "--calls-per-second", "1e300"],
    /^error: option '--calls-per-second <n>' .*It must be a/,
  ],
  [
    ["keys", "add", "a", "--tools", "*", "--calls-per-second", "0x10"],
    /'--calls-per-second <n>'.* number from 0\.001 to/,
  ],
  [
    ["keys", "add", "a", "--tools", "*", "--calls-in-flight", "0"],
    /^error: option '--calls-in-flight <n>' .*It must be a/,
  ],
  [
    ["keys", "add", "a", "--tools", "*", "--open-jobs", "1000000001"],
    /^error: option '--open-jobs <n>' .*It must be a/,
  ],
  [
    ["keys", "add", "a", "--tools", "*", "--open-watches", "1000001"],
    /^error: option '--open-watches <n>' .*It must be a/,
  ],
  [
    ["keys", "add", "a", "--tools", "*", "--not-before", "2030-01-02T00:00:00Z", "--not-after", "2030-01-01T00:00:00Z"],
    /^error: --not-after 2030-01-01T00:00:00Z must be later than --not-before, 2030-01-02T00:00:00Z/,
  ],
  [["keys", "add", "a", "--tools", "*", "--server-id", "two words"], /^error: --server-id "two words"/],
  [
    ["keys", "add", "a", "--tools", "*", "--server-id", "other"],
    /^error: --server-id "other" is not the server .*prod/,
  ],
  [["keys", "add", "a", "--tools", "*", "--address", "h:1\nx"], /^error: --address "h:1\\nx" must be an address/],
  [["keys", "add", "a", "--tools", "*", "--address", ""], /^error: --address "" must be an address/],
  [["keys", "add", "a", "--tools", "*", "--address", "h:99999"], /^error: --address "h:99999" must be an address/],
  [["keys", "rotate", "first", "--address", "https://h"], /^error: --address "https:\/\/h" must be an address/],
  [["keys", "rotate", "first", "--grace", "999999999d"], /^error: option '--grace <duration>'.*from 0s to 36500d/],
  [["keys", "rotate", "nobody"], /^error: Client "nobody" has no active key/],
];

test("what could not be read again is refused naming the option, and nothing is changed or left behind", () =>
  inFolder(async () => {
    assert.is((await run(FIRST)).code, 0);
    const before = await readFile(RING);
    for (const [args, expected] of REFUSED) {
      const { code, stdout, stderr } = await run([...args, "--out", "new.json"]);
      assert.is(code, 2, `${args.join(" ")}: ${stderr}`);
      assert.match(stderr, expected);
      assert.not.match(stderr, "undefined");
      assert.is(stdout, "");
      assert.ok((await readFile(RING)).equals(before), args.join(" "));
      assert.not(await exists("new.json"), args.join(" "));
    }
    assert.is((await run(["keys", "list"])).code, 0);
    for (const grace of ["999999999d", "36501d"]) {
      assert.match((await run(["keys", "retire", "k_x", "--grace", grace])).stderr, "'--grace <duration>'");
    }
  }));

test("a ring that is not there yet is not begun with what could not be read again", () =>
  inFolder(async () => {
    for (const [args, expected] of [
      [["--server-id", "two words"], /^error: --server-id "two words" must be 1 to 128 printable/],
      [["--server-id", ""], /^error: --server-id "" must be/],
      [["--server-id", "prod", "--burst", "0"], /^error: option '--burst <n>' .*It must be a/],
      [["--server-id", "prod", "--address", "\t"], /^error: --address/],
    ] as const) {
      const { code, stderr } = await run(["keys", "add", "a", "--tools", "*", ...args, "--out", "new.json"]);
      assert.is(code, 2, stderr);
      assert.match(stderr, expected);
      assert.not((await exists(".sealwire")) || (await exists("new.json")));
    }
    assert.is((await run([...FIRST, "--address", "unix:/tmp/a folder/s.sock"])).code, 0);
  }));

test("a key ends after it begins, also by --grace", () =>
  inFolder(async () => {
    await run([...FIRST, "--not-before", "2099-01-01T00:00:00Z"]);
    const before = await readFile(RING);
    const { key_id: keyId } = JSON.parse(await readFile("first.json", "utf8"));
    for (const args of [
      ["retire", keyId, "--grace", "1s"],
      ["rotate", "first", "--grace", "1s", "--out", "new.json"],
    ]) {
      const { code, stderr } = await run(["keys", ...args]);
      assert.is(code, 2, stderr);
      assert.match(stderr, /^error: The end of the key by --grace must be later than --not-before, 2099-01-01/);
      assert.ok((await readFile(RING)).equals(before));
      assert.not(await exists("new.json"));
    }
  }));

test("a key is not taken over twice, and credentials that have no place change nothing", () =>
  inFolder(async () => {
    await run(FIRST);
    await run([
      "keys",
      "add",
      "b",
      "--tools",
      "*",
      "--import",
      "first.json",
      "--data",
      "o",
      "--server-id",
      "s",
      "--out",
      "b.json",
    ]);
    const before = await readFile(RING);
    const twice = await run(["keys", "add", "b", "--tools", "*", "--import", "b.json", "--out", "new.json"]);
    assert.is(twice.code, 2);
    assert.match(twice.stderr, /^error: --import "b.json": the key is the same HMAC key as keys\[0\]/);
    const noPlace = await run(["keys", "rotate", "first", "--grace", "0s", "--out", "no/such/folder.json"]);
    assert.is(noPlace.code, 2);
    assert.match(noPlace.stderr, /^error: --out no\/such\/folder.json cannot be written \(ENOENT\)/);
    assert.ok((await readFile(RING)).equals(before));
  }));

test("SEALWIRE_ADDRESS is named where it is at fault, and counts for nothing where it is empty", () =>
  inFolder(async () => {
    const bad = await run(FIRST, { env: { SEALWIRE_ADDRESS: "h:1\n" } });
    assert.is(bad.code, 2);
    assert.match(bad.stderr, /^error: SEALWIRE_ADDRESS "h:1\\n" must be an address/);
    assert.is((await run(FIRST, { env: { SEALWIRE_ADDRESS: "" } })).code, 0);
    assert.is(JSON.parse(await readFile("first.json", "utf8")).address, "127.0.0.1:50051");
  }));

test("a fault of the old ring is not blamed on an option", () =>
  inFolder(async () => {
    await run(FIRST);
    const ring = JSON.parse(await readFile(RING, "utf8"));
    ring.keys[0].tools = ["Bad"];
    await writeFile(RING, JSON.stringify(ring));
    const { code, stderr } = await run(["keys", "add", "a", "--tools", "x", "--out", "new.json"]);
    assert.is(code, 2);
    assert.match(stderr, /^error: The key ring is refused: keys\[0\]\.tools\[0\]/);
  }));

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("in a database, too, what could not be read again is refused and the row stays as it is", () =>
    inFolder(async () => {
      const schema = await server.newSchema();
      const env = { SEALWIRE_STORE: server.url(schema) };
      const keys = (args: readonly string[]) => run([...args, "--server-secret-file", "secrets.json"], { env });
      await using database = await server.connect(schema);
      const row = async () => JSON.stringify((await database.query("SELECT * FROM key_ring")).rows);

      const begun = await keys(["keys", "add", "a b", "--tools", "*", "--server-id", "prod", "--out", "new.json"]);
      assert.is(begun.code, 2);
      assert.match(begun.stderr, /^error: The client id "a b" must be/);
      assert.is(await row(), "[]");
      assert.not((await exists("new.json")) || (await exists("secrets.json")));

      assert.is((await keys(FIRST)).code, 0);
      const before = [await row(), await readFile("secrets.json", "utf8")];
      for (const [args, expected] of REFUSED) {
        const { code, stderr } = await keys([...args, "--out", "new.json"]);
        assert.is(code, 2, `${args.join(" ")}: ${stderr}`);
        assert.match(stderr, expected);
        assert.equal([await row(), await readFile("secrets.json", "utf8")], before, args.join(" "));
        assert.not(await exists("new.json"), args.join(" "));
      }
      const soon = new Date(Date.now() + 1000).toISOString();
      const early = await keys(["keys", "add", "a", "--tools", "*", "--not-after", soon, "--out", "new.json"]);
      assert.match(early.stderr, /^error: --not-after .* must be later than --not-before/);
      const elsewhere = ["--key-ring", "own.json", "--server-id", "s", "--out", "b.json"];
      assert.is((await run(["keys", "add", "b", "--tools", "*", ...elsewhere])).code, 0);
      const imported = await keys(["keys", "add", "b", "--tools", "*", "--import", "b.json", "--out", "new.json"]);
      assert.match(imported.stderr, /^error: --import "b.json": the key is imported, and a ring in a database/);
      assert.is((await keys(["keys", "list"])).code, 0);
    }));
}

test.run();
