import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "../../src/cli/input/config-file.ts";
import { resolveServerSecrets, secretCommand } from "../../src/cli/input/server-secrets.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/server-secrets");

const SECRETS = "exec:./print-secrets 'one word'";
const PATH = process.env.PATH ?? "";

/** Makes the program that prints the server secrets, and counts its runs. */
async function makeProgram(): Promise<void> {
  const script = `#!/bin/sh
test "$1" = "one word" || exit 8
echo run >> runs
test ! -e down || { echo "permission denied: lease expired" >&2; exit 2; }
cat secrets.json
`;
  await writeFile("print-secrets", script);
  await chmod("print-secrets", 0o755);
}

const runs = async (): Promise<number> => (await readFile("runs", "utf8").catch(() => "")).length / "run\n".length;

test("exec: without a command, or with a quote that does not end, is refused before anything is opened", async () => {
  for (const [value, problem] of [
    ["exec:", "--server-secret-file has no command after exec:"],
    ["exec:  ", "--server-secret-file has no command after exec:"],
    ["exec:vault 'kv get", "The command in --server-secret-file has a ' without its end"],
  ] as const) {
    const words = ["serve", "--demo-tools", "--store", "postgres://h/d", "--server-secret-file", value];
    const { code, stderr } = await run(words);
    assert.is(code, 2);
    assert.match(stderr, problem);
  }
});

test("in a configuration file a program with a slash is relative to the file, and one without is on the PATH", () =>
  inFolder(async (folder) => {
    await mkdir("etc");
    const read = async (value: string) => {
      await writeFile("etc/serve.json", JSON.stringify({ server_secret_file: value }));
      return (await readConfig("etc/serve.json")).serverSecretFile ?? "";
    };
    assert.equal(secretCommand(await read(`exec:bin/show 'it''s' "a b"`), ""), [
      join(folder, "etc/bin/show"),
      "its",
      "a b",
    ]);
    assert.equal(secretCommand(await read(`exec:vault kv "it's"`), ""), ["vault", "kv", "it's"]);
    assert.equal(secretCommand(resolveServerSecrets("exec:/bin/show", "/etc"), ""), ["/bin/show"]);
    assert.is(await read("secrets.json"), join(folder, "etc/secrets.json"));
  }));

if (hasPostgres(test)) {
  let postgres: PostgresServer;
  test.before(async () => {
    postgres = await PostgresServer.start();
  });
  test.after(() => postgres[Symbol.asyncDispose]());

  /** A database with a ring whose server secrets are in secrets.json, and a key of alice that works at once. */
  async function makeRing(): Promise<Readonly<Record<string, string>>> {
    const env = { SEALWIRE_STORE: postgres.url(await postgres.newSchema()), PATH };
    await makeProgram();
    const words = ["keys", "add", "alice", "--tools", "*", "--server-id", "s", "--out", "alice.json"];
    const since = ["--not-before", "2026-01-01T00:00:00Z", "--server-secret-file", "secrets.json"];
    const { code, stderr } = await run([...words, ...since], { env });
    assert.is(code, 0, stderr);
    return env;
  }

  test("keys are made from the secrets that a command prints; no secret is added there; to list keys it is not run", () =>
    inFolder(async () => {
      const env = await makeRing();
      const keys = (...words: readonly string[]) => run(["keys", ...words, "--server-secret-file", SECRETS], { env });
      const added = await keys("add", "bob", "--tools", "*", "--out", "bob.json");
      assert.is(added.code, 0, added.stderr);
      assert.is(await runs(), 1);
      const listed = await keys("list", "--json");
      assert.equal(
        listed.stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).clientId),
        ["alice", "bob"],
      );
      assert.is((await keys("revoke", added.stdout.trim())).code, 0);
      assert.is(await runs(), 1);
      const rotated = await keys("rotate-server");
      assert.is(rotated.code, 2);
      assert.match(rotated.stderr, "A server secret cannot be added to the output of a command.");
      await writeFile("down", "");
      const failed = await keys("rotate", "alice", "--out", "a2.json");
      assert.is(failed.code, 4);
      assert.match(failed.stderr, "the command ./print-secrets for the server secrets exited with 2");
    }));

  test("the first key can be made from secrets that a command prints", () =>
    inFolder(async () => {
      await makeRing();
      const env = { SEALWIRE_STORE: postgres.url(await postgres.newSchema()), PATH };
      const words = ["keys", "add", "carol", "--tools", "*", "--server-id", "other", "--out", "carol.json"];
      const { code, stderr } = await run([...words, "--server-secret-file", SECRETS], { env });
      assert.is(code, 0, stderr);
      assert.is(JSON.parse(await readFile("carol.json", "utf8")).client_id, "carol");
    }));

  test("a server fetches its secrets by a command, again for a key of an unknown secret and at SIGHUP, and never logs them", () =>
    inFolder(async (folder) => {
      const env = await makeRing();
      await using server = await CliServer.start({ folder, env }, "--demo-tools", "--server-secret-file", SECRETS);
      const call = (credentials: string) =>
        run([
          "call",
          "batch_sum",
          '{"numbers":[1]}',
          "--credentials",
          credentials,
          "--address",
          server.ready.listening,
        ]);
      assert.is((await call("alice.json")).code, 0);
      assert.is(await runs(), 1);

      await run(["keys", "rotate-server", "--server-secret-file", "secrets.json"], { env });
      const since = ["--not-before", "2026-01-01T00:00:00Z", "--server-secret-file", "secrets.json"];
      const added = await run(["keys", "add", "dora", "--tools", "*", "--out", "dora.json", ...since], { env });
      assert.is(added.code, 0, added.stderr);
      await eventually("the key of the new secret", async () => (await call("dora.json")).code === 0);

      await writeFile("down", "");
      server.process.child.kill("SIGHUP");
      await server.process.until("the failure", () => server.process.stderr.includes("retrying"));
      assert.match(server.process.stderr, "permission denied: lease expired");
      assert.is((await call("alice.json")).code, 0);

      const { server_secrets: secrets } = JSON.parse(await readFile("secrets.json", "utf8"));
      assert.is(secrets.length, 2);
      for (const { secret } of secrets) assert.not.match(server.process.stderr, secret);
    }));

  test("a server does not start without its secrets: with 4 if that may pass, with 2 if not", () =>
    inFolder(async () => {
      const env = await makeRing();
      const serve = (secrets: string) =>
        run(["serve", "--demo-tools", "--listen", "127.0.0.1:0", "--server-secret-file", secrets], { env });
      await writeFile("down", "");
      assert.is((await serve(SECRETS)).code, 4);
      const missing = await serve("exec:./no-such-program");
      assert.is(missing.code, 2);
      assert.match(missing.stderr, "cannot be started: there is no such program");
    }));
}

test.run();
