// test-limit-ms: 300000
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { fillDisk, linesOf } from "./audit-lines.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

/* The audit log of a server that is a process of its own: signals, kills, a full disk. */
const test = suite("cli/audit");

const FILE = "audit.log";
const TASK = { seconds: 1 };

/** Starts a server with an audit log in the folder. */
function serve(folder: string, ...args: readonly string[]): Promise<CliServer> {
  return CliServer.start(folder, "--dev", "--audit", FILE, ...args);
}

async function clientOf(server: CliServer): Promise<SealwireClient> {
  const credentials = await readCredentials(join(server.folder, ".sealwire", "client.json"));
  return new SealwireClient({ credentials, address: server.ready.listening });
}

async function stop(server: CliServer): Promise<void> {
  server.process.child.kill("SIGTERM");
  assert.is((await server.process.ended).code, 0);
}

test("a log is verified with the head in the store, and its changed and cut copies are not", () =>
  inFolder(async (folder) => {
    {
      await using server = await serve(folder);
      await using client = await clientOf(server);
      await client.call("start_long_task", TASK);
      const running = await run(["audit", "verify", FILE]);
      assert.is(running.code, 0, running.stderr);
      await stop(server);
    }
    const whole = await run(["audit", "verify", FILE]);
    assert.equal([whole.code, whole.stderr], [0, `Nothing is wrong with ${linesOf(FILE).length} lines.\n`]);
    const text = readFileSync(FILE, "utf8");
    writeFileSync("changed", text.replace("start_long_task", "start_long_tasK"));
    writeFileSync("cut", text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1));
    const changed = await run(["audit", "verify", "changed"]);
    assert.equal([changed.code, /changed:\d+: the line was changed/.test(changed.stderr)], [1, true], changed.stderr);
    const cut = await run(["audit", "verify", "cut", "--json"]);
    assert.is(cut.code, 1);
    assert.match(cut.stdout, "missing at the end");
    // A head that was kept elsewhere takes the place of the store's.
    const [, head = ""] = /head (\S+)/.exec(whole.stdout) ?? [];
    assert.is((await run(["audit", "verify", FILE, "--head", head])).code, 0);
    assert.is((await run(["audit", "verify", "cut", "--head", head])).code, 1);
    assert.is((await run(["audit", "verify", FILE, "--head", "nonsense"])).code, 2);
  }));

test("a key ring that changed while no server ran is another one in the next log.open", () =>
  inFolder(async (folder) => {
    const rings = (): unknown[] =>
      linesOf(FILE)
        .filter(({ action }) => action === "log.open" || action === "log.close")
        .map(({ details }) => details?.key_ring);
    const runOnce = async (): Promise<void> => {
      await using server = await serve(folder);
      await stop(server);
    };
    await runOnce();
    await runOnce();
    await run(["keys", "add", "ann", "--tools", "*", "--out", "ann.json"]);
    await runOnce();
    const [, made, before, after, changed, end] = rings();
    assert.match(String(made), /^[0-9a-f]{64}$/);
    assert.equal([before, after, end], [made, made, changed]);
    assert.is.not(changed, after);
  }));

test("rotation by SIGHUP under load loses and doubles no line", () =>
  inFolder(async (folder) => {
    const files: string[] = [];
    const sent: string[] = [];
    {
      await using server = await serve(folder);
      await using client = await clientOf(server);
      for (let round = 0; round < 3; round += 1) {
        const calls = Array.from({ length: 40 }, async () => {
          const requestId = crypto.randomUUID();
          sent.push(requestId);
          await client.call("start_long_task", TASK, { requestId });
        });
        const rotated = `${FILE}.${round}`;
        files.push(rotated);
        renameSync(FILE, rotated);
        server.process.child.kill("SIGHUP");
        await Promise.all(calls);
        await eventually("the new file", () => {
          try {
            return linesOf(FILE)[0]?.action === "log.open";
          } catch {
            return false;
          }
        });
      }
      await stop(server);
    }
    files.push(FILE);
    const verified = await run(["audit", "verify", ...files]);
    assert.is(verified.code, 0, verified.stderr);
    const begun = files.flatMap(linesOf).filter(({ action }) => action === "call.begin");
    assert.equal(begun.map(({ request_id }) => request_id).sort(), sent.sort());
  }));

test("a server that was killed in the middle of a line goes on, and verify notes it", () =>
  inFolder(async (folder) => {
    {
      await using server = await serve(folder);
      await using client = await clientOf(server);
      await client.call("start_long_task", TASK);
      server.process.child.kill("SIGKILL");
      await server.process.ended;
    }
    const [first = ""] = readFileSync(FILE, "utf8").split("\n");
    // What a kill during the write of a line leaves.
    appendFileSync(FILE, first.slice(0, 200));
    const before = await run(["audit", "verify", FILE]);
    assert.equal([before.code, /incomplete/.test(before.stderr)], [0, true], before.stderr);
    {
      await using server = await serve(folder);
      await stop(server);
    }
    const after = await run(["audit", "verify", FILE]);
    assert.is(after.code, 0, after.stderr);
    assert.match(after.stderr, /note: .*incomplete, as the next line says/);
  }));

test("a log whose server was killed, and whose file was moved away before the next start, was not changed", () =>
  inFolder(async (folder) => {
    const names = ["audit.log.2", "audit.log.1", FILE];
    for (const name of names) {
      await using server = await serve(folder);
      await using client = await clientOf(server);
      await client.call("start_long_task", TASK);
      server.process.child.kill("SIGKILL");
      await server.process.ended;
      renameSync(FILE, name);
    }
    const { code, stderr } = await run(["audit", "verify", ...names]);
    assert.is(code, 0, stderr);
    // A file that is not given is a note, because it may have been removed for its age.
    const later = await run(["audit", "verify", ...names.slice(1)]);
    assert.equal([later.code, /note: .*which is not in these files/.test(later.stderr)], [0, true], later.stderr);
  }));

test("the lines go to standard output, each of them whole", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--audit", "-");
    await server.process.until("the server", () => server.process.stdout.includes('"listening"'));
    await stop(server);
    writeFileSync("captured", server.process.stdout);
    const { code, stderr } = await run(["audit", "verify", "captured"]);
    assert.is(code, 0, stderr);
    assert.match(stderr, "1 lines of other software");
    assert.match(stderr, "Nothing is wrong with 3 lines.");
  }));

test("what cannot be an audit log is refused at the start", () =>
  inFolder(async () => {
    writeFileSync("other", "hello\n");
    const refusals = [
      [["--audit", "other"], "is no audit log"],
      [["--audit", "missing/audit.log"], "cannot be opened (ENOENT)"],
      [["--audit-required"], "has no place"],
    ] as const;
    for (const [args, said] of refusals) {
      const { code, stderr } = await run(["serve", "--dev", "--listen", "127.0.0.1:0", ...args]);
      assert.is(code, 2, stderr);
      assert.match(stderr, said);
    }
    assert.is(readFileSync("other", "utf8"), "hello\n");
  }));

const limitable = spawnSync("prlimit", ["--version"]).status === 0;
const REQUIRED = "on a full disk a required log lets nothing begin, and the server goes on when there is space";
const OPTIONAL = "on a full disk a log that is not required holds nobody up, and what waited is written";

/** Runs `body` with a server whose files cannot grow, and with a function that makes space. */
async function withFullDisk(
  args: readonly string[],
  body: (client: SealwireClient, makeSpace: () => void) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    await using server = await serve(folder, ...args);
    await using client = await clientOf(server);
    await client.call("batch_sum", { numbers: [1] });
    assert.ok(readFileSync(FILE).length > 0);
    await body(client, fillDisk(server.process.child.pid, FILE));
    await stop(server);
    const { code, stderr } = await run(["audit", "verify", FILE]);
    assert.is(code, 0, stderr);
  });
}

async function required(): Promise<void> {
  await withFullDisk(["--audit-required"], async (client, makeSpace) => {
    const refused = await client.call("start_long_task", TASK, { timeoutMs: 500 }).then(
      () => undefined,
      (error: { readonly reason: string }) => error.reason,
    );
    assert.ok(["UNAVAILABLE", "UNREACHABLE", "DEADLINE_EXCEEDED"].includes(String(refused)), String(refused));
    assert.is((await client.call("batch_sum", { numbers: [1, 2] })).ok, true);
    makeSpace();
    await eventually("a call that begins", () =>
      client.call("start_long_task", TASK).then(
        () => true,
        () => false,
      ),
    );
    const lines = linesOf(FILE);
    const resume = lines.find(({ action }) => action === "log.resume");
    assert.ok(Number(resume?.details?.refused) > 0);
    assert.is(resume?.details?.lost, 0);
    assert.is(lines.filter(({ action }) => action === "call.begin").length, 1);
  });
}

async function optional(): Promise<void> {
  await withFullDisk([], async (client, makeSpace) => {
    for (let i = 0; i < 5; i += 1) assert.is((await client.call("start_long_task", TASK)).ok, true);
    makeSpace();
    await eventually("the lines", () => linesOf(FILE).filter(({ action }) => action === "job.end").length === 5);
    const actions = linesOf(FILE).map(({ action }) => action);
    assert.is(actions.filter((action) => action === "log.resume").length, 1);
    assert.is(actions.filter((action) => action === "call.begin").length, 5);
  });
}

if (limitable) test(REQUIRED, required);
else test.skip(REQUIRED, "this system has no prlimit", required);
if (limitable) test(OPTIONAL, optional);
else test.skip(OPTIONAL, "this system has no prlimit", optional);

test.run();
