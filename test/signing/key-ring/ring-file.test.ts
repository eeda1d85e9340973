import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tryKernelLock } from "../../../src/files/kernel-lock.ts";
import { replacePrivateFile } from "../../../src/files/private-file-write.ts";
import { readableText } from "../../../src/files/readable-text.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { addKey, rotateServerSecret } from "../../../src/signing/key-ring/changes.ts";
import { createRingFile, editRingFile, loadRingFile } from "../../../src/signing/key-ring/ring-file.ts";
import { assert, suite } from "../../support/suite.ts";
import { context, inFolder, ringOfAlice, thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/ring-file");

const options = (path: string) => ({ path, clock: systemClock, random: systemRandom });
const ringModule = (file: string) => new URL(`../../../src/${file}`, import.meta.url).href;

test("a new file has mode 0600 and is not made twice", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    assert.is((await stat(path)).mode & 0o777, 0o600);
    assert.match((await thrownBy(() => createRingFile(path, ringOfAlice().document))).message, "is not overwritten");
    assert.equal(await readdir(folder), ["ring.json"]);
  }));

test("a file that others can read is refused with the command that mends it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "it's a ring.json");
    await createRingFile(path, ringOfAlice().document);
    for (const mode of [0o640, 0o604, 0o620, 0o610]) {
      await chmod(path, mode);
      const message = (await thrownBy(() => loadRingFile(path))).message;
      assert.is(message.split("\n")[1], `chmod 600 '${folder}/it'\\''s a ring.json'`);
      assert.is((await thrownBy(() => editRingFile(options(path), (ring) => ring))).message, message);
    }
    for (const mode of [0o600, 0o400]) {
      await chmod(path, mode);
      assert.is((await loadRingFile(path)).ring.serverId, "test-server");
    }
  }));

test("a file that is absent or a folder is said to be so", () =>
  inFolder(async (folder) => {
    assert.match((await thrownBy(() => loadRingFile(join(folder, "none.json")))).message, "there is no such file");
    assert.match((await thrownBy(() => loadRingFile(folder))).message, `${folder} is a folder; give a file`);
  }));

test("an edit is on disk with mode 0600, and leaves no temporary file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    await editRingFile(options(path), (ring) => rotateServerSecret(ring, context));
    assert.is((await loadRingFile(path)).document.serverSecrets.length, 2);
    assert.is((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await readdir(folder)).sort(), ["ring.json", "ring.json.lock"]);
  }));

test("an edit leaves the file to its owner", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    const isRoot = process.getuid?.() === 0;
    const owner = isRoot ? 65534 : (process.getuid?.() ?? 0);
    await chown(path, owner, -1);
    await editRingFile(options(path), (ring) => rotateServerSecret(ring, context));
    assert.equal([(await stat(path)).uid, (await stat(`${path}.lock`)).uid], [owner, owner]);
  }));

test("an edit keeps what root lets a group read", () =>
  inFolder(async (folder) => {
    if (process.getuid?.() !== 0) return;
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    await chown(path, 0, 65534);
    await chmod(path, 0o640);
    // Root itself accepts nothing that others can read.
    const before = await thrownBy(() => editRingFile(options(path), (ring) => rotateServerSecret(ring, context)));
    assert.match(before.message, "chmod 600");
    await replacePrivateFile(
      path,
      readableText("{}", () => {}),
      systemRandom,
    );
    const { mode, gid } = await stat(path);
    assert.equal([mode & 0o777, gid], [0o640, 65534]);
  }));

test("an edit that would make an unusable ring changes nothing", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    const before = await readFile(path);
    await thrownBy(() => editRingFile(options(path), (ring) => ({ ...ring, serverSecrets: [] })));
    assert.equal(await readFile(path), before);
    assert.equal((await readdir(folder)).sort(), ["ring.json", "ring.json.lock"]);
  }));

test("an edit through a symlink replaces the file behind it and keeps the link", () =>
  inFolder(async (folder) => {
    const [path, link] = [join(folder, "real.json"), join(folder, "link.json")];
    await createRingFile(path, ringOfAlice().document);
    await symlink("real.json", link);
    await editRingFile(options(link), (ring) => rotateServerSecret(ring, context));
    assert.is(await readlink(link), "real.json");
    assert.is((await loadRingFile(path)).document.serverSecrets.length, 2);
  }));

test("a file that cannot be changed is said to be so", () =>
  inFolder(async (folder) => {
    const path = join(folder, "r".repeat(252));
    await createRingFile(path, ringOfAlice().document);
    const error = await thrownBy(() => editRingFile(options(path), (ring) => ring));
    assert.match(error.message, "cannot be changed (ENAMETOOLONG)");
  }));

test("a file is not made in a folder that is not there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "none", "ring.json");
    assert.match((await thrownBy(() => createRingFile(path, ringOfAlice().document))).message, "ENOENT");
  }));

test("a lock that another process holds is waited for, then reported", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    // Each look at this clock passes a second, so that nobody waits.
    let nowMs = 0;
    const clock = {
      ...systemClock,
      monotonicMs() {
        nowMs += 1000;
        return nowMs;
      },
    };
    const edit = () => editRingFile({ ...options(path), clock }, (ring) => ring);
    const held = tryKernelLock(`${path}.lock`);
    assert.ok(held);
    assert.match((await thrownBy(edit)).message, `Another process has held the lock ${path}.lock for 5 s`);
    held[Symbol.dispose]();
    await edit();
    await rm(`${path}.lock`);
    await writeFile(`${path}.lock`, "4711\n");
    const { message } = await thrownBy(edit);
    assert.match(message, "is not a lock of this version");
    assert.match(message, `rm ${path}.lock`);
    await rm(`${path}.lock`);
    await mkdir(`${path}.lock`);
    assert.match((await thrownBy(edit)).message, `The lock ${path}.lock cannot be taken: `);
  }));

test("the lock of a process that was killed is free at once", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    const script = `
      import { systemClock as clock } from "${ringModule("runtime/clock.ts")}";
      import { systemRandom as random } from "${ringModule("runtime/random.ts")}";
      import { editRingFile } from "${ringModule("signing/key-ring/ring-file.ts")}";
      setInterval(() => {}, 1000);
      await editRingFile({ path: process.argv[1], clock, random }, () => {
        console.log("locked");
        return new Promise(() => {});
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, path]);
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const startedMs = performance.now();
    await editRingFile(options(path), (ring) => ring);
    assert.ok(performance.now() - startedMs < 2_000);
  }));

test("processes that add keys at the same time lose none", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    const script = `
      import { systemClock as clock } from "${ringModule("runtime/clock.ts")}";
      import { systemRandom as random } from "${ringModule("runtime/random.ts")}";
      import { addKey } from "${ringModule("signing/key-ring/changes.ts")}";
      import { editRingFile } from "${ringModule("signing/key-ring/ring-file.ts")}";
      for (let i = 0; i < 10; i += 1) {
        await editRingFile({ path: process.argv[1], clock, random }, (ring) =>
          addKey(ring, { clientId: "c" + i, tools: [] }, { nowMs: 0, random }).document);
      }`;
    const exits = [1, 2, 3].map(
      () =>
        new Promise<number | null>((resolve, reject) => {
          const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], { stdio: "inherit" });
          child.once("error", reject).once("exit", resolve);
        }),
    );
    assert.equal(await Promise.all(exits), [0, 0, 0]);
    assert.is((await loadRingFile(path)).document.keys.length, 31);
  }));

test("a secret stays out of the message when the JSON is broken beside it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, addKey(ringOfAlice().document, { clientId: "b", tools: [] }, context).document);
    const text = await readFile(path, "utf8");
    const secret = /"secret": "([^"]+)"/.exec(text)?.[1] ?? "";
    assert.is(secret.length, 43);
    await writeFile(path, text.replace(`"${secret}"`, secret));
    const error = await thrownBy(() => loadRingFile(path));
    assert.match(error.message, "is not valid JSON");
    assert.not.match(`${error.stack} ${JSON.stringify(error)}`, secret.slice(0, 5));
  }));

test("a change that throws leaves the file as it was and says why", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    const before = await readFile(path, "utf8");
    const change = () => Promise.reject(new RangeError("no more keys"));
    const error = await thrownBy(() => editRingFile(options(path), change));
    assert.match(error.message, `The key ring ${path} cannot be changed (no more keys).`);
    assert.is(await readFile(path, "utf8"), before);
  }));

test.run();
