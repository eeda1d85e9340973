import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder } from "./cli-run.ts";

const test = suite("cli/store-backup");

test("a backup under load has every job accepted before it began, and a server runs on it", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--concurrency", "1");
    const credentials = await readCredentials(join(folder, ".sealwire", "client.json"));
    await using client = new SealwireClient({ credentials });
    const accepted: string[] = [];
    let loading = true;
    const submit = async () => {
      while (loading) {
        const { job } = await client.call("start_long_task", { seconds: 20, payload: {} });
        accepted.push(job?.jobId ?? "");
      }
    };
    const load = Promise.all(Array.from({ length: 4 }, submit));
    await server.process.until("some jobs", () => accepted.length >= 40);
    const before = [...accepted];
    const backup = await server.run("store", "backup", "backup.db");
    const during = accepted.length - before.length;
    loading = false;
    await load;
    assert.is(backup.code, 0, backup.stderr);
    assert.match(backup.stderr, /^\.sealwire\/sealwire\.db is copied to backup\.db, \d+ bytes\./);
    assert.ok(during > 0, "the load stood still during the backup");
    assert.match((await server.run("store", "backup", "backup.db")).stderr, /backup\.db exists and is not overwritten/);

    await mkdir("restored", { mode: 0o700 });
    await copyFile("backup.db", join("restored", "sealwire.db"));
    const ring = ["--data", "restored", "--key-ring", join(".sealwire", "key-ring.json")];
    await using restored = await CliServer.start(folder, ...ring, "--demo-tools");
    assert.match(restored.process.stderr, /the store is a backup/);
    // The client waits until frames are taken again: about a minute.
    await using again = new SealwireClient({ credentials, address: restored.ready.listening, timeoutMs: 120_000 });
    const [first = "", ...more] = before;
    await again.job(first).poll({ timeoutMs: 120_000 });
    for (const jobId of more) assert.ok(await again.job(jobId).poll());
  }));

test.run();
