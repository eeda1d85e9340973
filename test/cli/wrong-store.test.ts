// test-limit-ms: 240000
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess, sealwire } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

/* Commands never work on another store or key ring than the one that was meant. */
const test = suite("cli/wrong-store");

const STORE = "postgres://db.example/sealwire";
const env = { SEALWIRE_STORE: STORE };
const NEW_KEY = ["keys", "add", "alice", "--server-id", "s", "--tools", "*", "--out", "a.json"];

/** A local store with a key, and nothing else. */
async function makeFolder(): Promise<void> {
  assert.is((await run(NEW_KEY)).code, 0);
  await using server = new CliProcess(["serve", "--demo-tools", "--listen", "127.0.0.1:0"], { cwd: process.cwd() });
  await server.until("the server", () => server.stdout.includes("\n"));
  server.child.kill("SIGTERM");
  assert.is((await server.ended).code, 0, server.stderr);
}

test("a backup is not made of an old local file where a database is the store", () =>
  inFolder(async () => {
    await makeFolder();
    await writeFile("serve.json", JSON.stringify({ store: STORE, data: ".sealwire" }));
    for (const [args, options, named] of [
      [[], { env }, "SEALWIRE_STORE names a store in a database"],
      [["--config", "serve.json"], {}, "store in serve.json names a store in a database"],
    ] as const) {
      const { code, stderr } = await run(["store", "backup", "copy.db", ...args], options);
      assert.is(code, 2);
      assert.match(stderr, named);
      assert.match(stderr, "pg_dump");
      assert.not.ok((await readdir(".")).includes("copy.db"));
    }
    const asked = await run(["store", "backup", "copy.db", "--data", ".sealwire"], { env });
    assert.is(asked.code, 0, asked.stderr);
  }));

test("options that name two places are refused, naming both", () =>
  inFolder(async () => {
    await writeFile("both.json", JSON.stringify({ key_ring: "ring.json", server_secret_file: "secrets.json" }));
    await writeFile("ring-only.json", JSON.stringify({ key_ring: "ring.json" }));
    const secrets = ["--server-secret-file", "secrets.json"];
    for (const [args, ...named] of [
      [[...NEW_KEY, ...secrets], "--server-secret-file", "--store", "SEALWIRE_STORE"],
      [["serve", "--demo-tools", ...secrets], "--server-secret-file", "--store", "SEALWIRE_STORE"],
      [["keys", "list", ...secrets, "--key-ring", "r.json", "--store", STORE], "--server-secret-file", "--key-ring"],
      [["serve", "--dev", ...secrets, "--key-ring", "r.json", "--store", STORE], "--server-secret-file", "--key-ring"],
      [["serve", "--demo-tools", "--config", "both.json"], "server_secret_file in both.json", "key_ring in both.json"],
      [["work", "--demo-tools", "--config", "both.json"], "server_secret_file in both.json", "key_ring in both.json"],
      [
        ["keys", "list", "--config", "ring-only.json", ...secrets],
        "--server-secret-file",
        "key_ring in ring-only.json",
      ],
      [["serve", "--dev", ...secrets, "--store", STORE], "--dev", "--server-secret-file"],
      [["keys", "list", "--data", ".", "--store", STORE], "--data", "--store"],
      [["store", "migrate", "--data", ".", "--store", STORE], "--data", "--store"],
      [["store", "repair-clock", "--data", ".", "--store", STORE], "--data", "--store"],
      [["serve", "--dev", "--reuse-port"], "--store", "--reuse-port"],
      [["serve", "--dev", "--require-sync-replication"], "--store", "--require-sync-replication"],
    ] as const) {
      const { code, stderr } = await run(args);
      assert.is(code, 2, stderr);
      for (const each of named) assert.match(stderr, each);
      assert.equal((await readdir(".")).sort(), ["both.json", "ring-only.json"], args.join(" "));
    }
  }));

test("keys and store work where the configuration of the server says", () =>
  inFolder(async () => {
    await mkdir("conf");
    await writeFile("conf/serve.json", JSON.stringify({ data: "state", key_ring: "ring.json" }));
    const config = ["--config", "conf/serve.json"];
    const added = await run([...NEW_KEY, ...config]);
    assert.is(added.code, 0, added.stderr);
    assert.equal((await readdir("conf")).sort(), ["ring.json", "serve.json"]);
    assert.match((await run(["keys", "list", ...config])).stdout, "alice");
    await run(["keys", "revoke", added.stdout.trim(), ...config]);
    assert.match(await readFile("conf/ring.json", "utf8"), "revoked");
    const { code, stderr } = await run(["store", "migrate", "--check", ...config]);
    assert.is(code, 2);
    assert.match(stderr, /no store at ".*conf\/state\/sealwire\.db"/);
    // A store that is a database does not make the ring one.
    await writeFile("conf/serve.json", JSON.stringify({ store: STORE, key_ring: "ring.json" }));
    assert.match((await run(["keys", "list", ...config])).stdout, "alice");
  }));

test("a server whose options are not good writes nothing", () =>
  inFolder(async (cwd) => {
    await writeFile("bad.pem", "no certificate");
    await writeFile("clash.ts", CLASH);
    const before = await readdir(cwd);
    for (const [args, said] of [
      [["--tls-cert", "none.pem", "--tls-key", "none.pem"], "none.pem cannot be read"],
      [["--tls-cert", "bad.pem", "--tls-key", "bad.pem"], "bad.pem cannot be used"],
      [["--listen", "0.0.0.0:0"], "--insecure"],
      [["--listen", "nowhere"], "is not an address"],
      [["--listen", "unix:a,b"], "comma"],
      [["--metrics", "0.0.0.0:0"], "--metrics-public"],
      [["--metrics", "unix:m"], "Metrics are not served"],
      [["--tools", "clash.ts", "--no-demo-tools"], "both the tool"],
    ] as const) {
      const { code, stderr } = await sealwire(["serve", "--dev", ...args, "--health-file", "health"], { cwd });
      assert.is(code, 2, stderr);
      assert.match(stderr, said);
      assert.equal(await readdir(cwd), before, args.join(" "));
    }
    const { code, stderr } = await run(["serve", "--demo-tools", "--health-file", "health"]);
    assert.is(code, 2);
    assert.match(stderr, "There is no key ring");
    assert.equal(await readdir(cwd), before);
    const work = ["work", "--demo-tools", "--store", STORE, "--metrics", "0.0.0.0:0", "--health-file", "health"];
    assert.match((await run(work)).stderr, "--metrics-public");
    assert.equal(await readdir(cwd), before);
    // It may be that of a server which runs.
    await writeFile("health", "SERVING\n");
    await sealwire(["serve", "--dev", "--listen", "nowhere", "--health-file", "health"], { cwd });
    await run(work);
    assert.is(await readFile("health", "utf8"), "SERVING\n");
  }));

/** A module that serves one tool twice. */
const CLASH = `
  import { implement } from "${new URL("../../src/tools/implement.ts", import.meta.url).href}";
  import { DemoToolServiceDefinition } from "${new URL("../../gen/sealwire/demo/v1/demo_tool_service.ts", import.meta.url).href}";
  const own = () => implement(DemoToolServiceDefinition, {
    batchSum: ({ numbers }) => ({ count: numbers.length, total: 0 }),
    startLongTask: () => ({ payload: undefined }),
  });
  export const tools = [own(), own()];
  export const descriptors = [];`;

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("what needs no server secret does without: keys are listed, retired and revoked", () =>
    inFolder(async () => {
      const there = { env: { SEALWIRE_STORE: server.url(await server.newSchema()) } };
      assert.match((await run(["keys", "list"], there)).stderr, "has no key ring");
      const added = await run([...NEW_KEY, "--server-secret-file", "secrets.json"], there);
      assert.is(added.code, 0, added.stderr);
      const listed = await run(["keys", "list", "--json"], there);
      assert.is(listed.code, 0, listed.stderr);
      const { keyId, clientId, serverSecretId } = JSON.parse(listed.stdout);
      assert.equal([keyId, clientId], [added.stdout.trim(), "alice"]);
      assert.match(await readFile("secrets.json", "utf8"), serverSecretId);
      for (const action of ["retire", "revoke"]) {
        const { code, stderr } = await run(["keys", action, keyId], there);
        assert.is(code, 0, stderr);
      }
      assert.match((await run(["keys", "list"], there)).stdout, "revoked");
      for (const action of [["rotate", "alice", "--print"], ["rotate-server"], [...NEW_KEY.slice(1, -1), "b.json"]]) {
        const { code, stderr } = await run(["keys", ...action], there);
        assert.is(code, 2);
        assert.match(stderr, "SEALWIRE_STORE");
        assert.match(stderr, "--server-secret-file");
      }
    }));

  test("server secrets of another ring make no key, and no server that nobody could call", () =>
    inFolder(async (cwd) => {
      const there = { env: { SEALWIRE_STORE: server.url(await server.newSchema()) } };
      const other = { env: { SEALWIRE_STORE: server.url(await server.newSchema()) } };
      const secrets = ["--server-secret-file", "secrets.json"];
      assert.is((await run([...NEW_KEY, ...secrets], other)).code, 0);
      await rename("secrets.json", "other.json");
      await rename("a.json", "other-key.json");
      assert.is((await run([...NEW_KEY, ...secrets], there)).code, 0);
      await rename("secrets.json", "right.json");
      await rename("other.json", "secrets.json");
      const ids = await Promise.all(
        ["right.json", "secrets.json"].map(
          async (path) => JSON.parse(await readFile(path, "utf8")).server_secrets[0].id,
        ),
      );
      // The lock on the file of secrets stays.
      const files = async (): Promise<string[]> =>
        (await readdir(cwd)).filter((name) => !name.endsWith(".lock")).sort();
      const before = await files();
      for (const args of [
        ["serve", "--demo-tools", "--listen", "127.0.0.1:0", ...secrets],
        ["keys", "add", "bob", "--tools", "*", "--out", "b.json", ...secrets],
        ["keys", "rotate", "alice", "--out", "b.json", ...secrets],
        ["keys", "rotate-server", ...secrets],
      ]) {
        const { code, stdout, stderr } = await sealwire(args, { cwd, ...there });
        assert.is(code, 2, stderr);
        assert.is(stdout, "");
        for (const each of [...ids, "secrets.json"]) assert.match(stderr, each);
        assert.equal(await files(), before);
      }
    }));
}

test.run();
