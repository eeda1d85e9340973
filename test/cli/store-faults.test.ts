import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { spec } from "../contract/store-under-test.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess, sealwire } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";
import { STORE } from "./served-frames.ts";

const test = suite("cli/store-faults");

const ADD_KEY = ["keys", "add", "a", "--tools", "*", "--server-id", "s", "--key-ring", "ring.json", "--print"];

async function makeStore(): Promise<void> {
  await mkdir(".sealwire", { mode: 0o700, recursive: true });
  await using store = await openSqliteStore({ path: STORE });
  for (let job = 0; job < 50; job += 1) await store.jobs.submit(spec({ args: Buffer.alloc(1_000) }));
}

/** Overwrites all pages but the first, as a failing disk may. */
async function damagePages(): Promise<void> {
  const file = await open(STORE, "r+");
  const { size } = await file.stat();
  await file.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  await file.close();
}

/** What a store is found like, what `serve` ends with then, and what it says. */
const FAULTS: readonly (readonly [what: string, fault: () => Promise<void>, code: number, said: RegExp])[] = [
  ["has damaged pages", () => makeStore().then(damagePages), 5, /sealwire\.db" is damaged: .+\n.+backup/],
  [
    "is no database",
    () => makeStore().then(() => writeFile(STORE, "no database ".repeat(1_000))),
    5,
    /sealwire\.db" is not a SQLite database/,
  ],
  [
    "is a database of something else",
    async () => {
      await mkdir(".sealwire");
      new DatabaseSync(STORE).exec("CREATE TABLE recipe (name TEXT)");
    },
    5,
    /sealwire\.db" is a database of other software/,
  ],
  [
    "was made by newer software",
    async () => {
      await makeStore();
      new DatabaseSync(STORE).exec("PRAGMA user_version = 9; UPDATE store_state SET min_reader = 9");
    },
    5,
    /layout 9.+use the newer sealwire/,
  ],
  [
    "has something else in place of its lock",
    () => makeStore().then(() => writeFile(`${STORE}.lock`, "no lock ".repeat(1_000))),
    5,
    /sealwire\.db\.lock" is not a lock/,
  ],
  [
    "is a folder",
    async () => void (await mkdir(STORE, { recursive: true })),
    2,
    /sealwire\.db".+no regular file.+\n.+folder/,
  ],
  ["stands in a folder that is a file", () => writeFile(".sealwire", ""), 2, /\.sealwire/],
];

for (const [what, fault, code, said] of FAULTS) {
  test(`serve ends with ${code} at once and says why where the store ${what}`, () =>
    inFolder(async (folder) => {
      await fault();
      await run(ADD_KEY);
      const args = ["serve", "--demo-tools", "--key-ring", "ring.json", "--listen", "127.0.0.1:0"];
      const ended = await sealwire(args, { cwd: folder });
      assert.is(ended.code, code, ended.stderr);
      assert.match(ended.stderr, said);
      await rm(".sealwire", { recursive: true, force: true });
    }));
}

const FULL = "serve waits for a store on a full disk, says so once, and is ready when there is room";
const limitable = spawnSync("prlimit", ["--version"]).status === 0;

async function fullDisk(): Promise<void> {
  await inFolder(async (folder) => {
    await run(ADD_KEY);
    const args = ["serve", "--demo-tools", "--key-ring", "ring.json", "--listen", "127.0.0.1:0"];
    await using server = new CliProcess(args, { cwd: folder });
    const limit = (bytes: string) =>
      execFileSync("prlimit", ["--pid", String(server.child.pid), `--fsize=${bytes}:unlimited`]);
    limit("20000");
    const says = () => server.stderr.split("the store cannot be opened yet").length - 1;
    await server.until("a word of the full disk", () => says() === 1);
    assert.is(server.child.exitCode, null);
    limit("unlimited");
    await server.until("the server", () => server.stdout.includes("listening"));
    assert.is(says(), 1);
  });
}

if (limitable) test(FULL, fullDisk);
else test.skip(FULL, "this system has no prlimit", fullDisk);

test.run();
