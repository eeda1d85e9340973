import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { watchFolder } from "../../../src/files/watch-folder.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { revokeKey, rotateServerSecret } from "../../../src/signing/key-ring/changes.ts";
import { formatKeyRing, parseKeyRing } from "../../../src/signing/key-ring/document.ts";
import { watchKeyRing } from "../../../src/signing/key-ring/file-key-ring.ts";
import { buildKeyRing } from "../../../src/signing/key-ring/key-ring.ts";
import {
  type KeyRingBackend,
  type WatchedKeyRing,
  watchBackend,
} from "../../../src/signing/key-ring/key-ring-watcher.ts";
import { createRingFile, editRingFile } from "../../../src/signing/key-ring/ring-file.ts";
import { assert, suite } from "../../support/suite.ts";
import { ManualClock } from "./manual-clock.ts";
import { context, inFolder, RecordingLogger, ringOfAlice, thrownBy, until } from "./ring-folder.ts";

const test = suite("signing/key-ring/file-key-ring");

interface Watched {
  readonly path: string;
  readonly keyId: string;
  readonly source: WatchedKeyRing;
  readonly logger: RecordingLogger;
  errors(): object[];
}

/** Runs `body` on a watched ring with one key. */
function watching(body: (watched: Watched) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    const { document, keyId } = ringOfAlice();
    await createRingFile(path, document);
    const logger = new RecordingLogger();
    await using source = await watchKeyRing({ path, clock: systemClock, logger });
    const errors = () => logger.lines.filter((line) => line.level === "error");
    await body({ path, keyId, source, logger, errors });
  });
}

const edit = (path: string, change: Parameters<typeof editRingFile>[1]) =>
  editRingFile({ path, clock: systemClock, random: systemRandom }, change);

test("a revoked key is revoked in the running process, and listeners hear of it", () =>
  watching(async ({ path, keyId, source }) => {
    const heard: (string | undefined)[] = [];
    using _ = source.onChange((ring) => heard.push(ring.find(keyId)?.state));
    await edit(path, (ring) => revokeKey(ring, keyId));
    await until("the key is revoked", () => source.current().find(keyId)?.state === "revoked");
    assert.equal(heard, ["revoked"]);
  }));

test("a listener that was disposed of hears nothing", () =>
  watching(async ({ path, source }) => {
    let calls = 0;
    source
      .onChange(() => {
        calls += 1;
      })
      [Symbol.dispose]();
    const before = source.current();
    await edit(path, (ring) => rotateServerSecret(ring, context));
    await until("the ring is reloaded", () => source.current() !== before);
    assert.is(calls, 0);
  }));

test("a broken file leaves the last good ring in force and is logged once", () =>
  watching(async ({ path, source, errors }) => {
    const good = source.current();
    await writeFile(`${path}.new`, "{", { mode: 0o600 });
    await rename(`${path}.new`, path);
    await until("the error is logged", () => errors().length > 0);
    await source.reload();
    await source.reload();
    assert.is(source.current(), good);
    assert.match(JSON.stringify(errors()), "is not valid JSON");
    assert.is(errors().length, 1);
  }));

test("a file that was mended comes into force", () =>
  watching(async ({ path, source, errors }) => {
    const good = source.current();
    await chmod(path, 0o644);
    await until("the mode is refused", () => errors().length > 0);
    assert.match(JSON.stringify(errors()), `chmod 600 ${path}`);
    await chmod(path, 0o600);
    await until("the ring is reloaded", () => source.current() !== good);
    assert.is(errors().length, 1);
  }));

test("a file that went away is logged and its return is noticed", () =>
  watching(async ({ path, source, errors }) => {
    const good = source.current();
    await rename(path, `${path}.away`);
    await until("its absence is logged", () => errors().length > 0);
    await source.reload();
    assert.is(source.current(), good);
    assert.is(errors().length, 1);
    await rename(`${path}.away`, path);
    await until("the ring is reloaded", () => source.current() !== good);
  }));

test("a ring of another server is refused while running", () =>
  watching(async ({ path, source, errors }) => {
    await edit(path, (ring) => ({ ...ring, serverId: "other" }));
    await until("the error is logged", () => errors().length > 0);
    assert.is(source.current().serverId, "test-server");
  }));

test("a folder that is swapped by symlink, as Kubernetes does, is noticed", () =>
  inFolder(async (folder) => {
    const { document, keyId } = ringOfAlice();
    for (const [name, ring] of [
      ["one", document],
      ["two", revokeKey(document, keyId)],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "ring.json"), formatKeyRing(ring), { mode: 0o600 });
    }
    await symlink("one", join(folder, "..data"));
    await symlink("..data/ring.json", join(folder, "ring.json"));
    await using source = await watchKeyRing({
      path: join(folder, "ring.json"),
      clock: systemClock,
      logger: new RecordingLogger(),
    });
    assert.is(source.current().find(keyId)?.state, "active");
    await symlink("two", join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    await rm(join(folder, "one"), { recursive: true });
    await until("the key is revoked", () => source.current().find(keyId)?.state === "revoked");
  }));

test("a change that no hint reports is noticed by the poll", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    const { document, keyId } = ringOfAlice();
    await createRingFile(path, document);
    const clock = new ManualClock();
    await using source = await watchKeyRing({ path, clock, logger: new RecordingLogger() });
    clock.run(1000);
    await until("the next poll is due", () => clock.waiting(1000) === 1);
    await edit(path, (ring) => revokeKey(ring, keyId));
    clock.run(1000);
    await until("the key is revoked", () => source.current().find(keyId)?.state === "revoked");
  }));

test("changes beside the ring are no hint", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, ringOfAlice().document);
    const clock = new ManualClock();
    await using _ = await watchKeyRing({ path, clock, logger: new RecordingLogger() });
    await writeFile(join(folder, "sealwire.db"), "x");
    await chmod(path, 0o600);
    await until("the ring's own change is reported", () => clock.waiting(50) === 1);
    await chmod(path, 0o400);
    await writeFile(join(folder, "sealwire.db"), "y");
    assert.is(clock.waiting(50), 1);
  }));

test("a folder that cannot be watched is no error", () => {
  using _ = watchFolder("/nowhere/at/all", () => assert.unreachable());
});

test("looking while a look is under way looks once more", () =>
  watching(async ({ path, keyId, source }) => {
    const first = source.reload();
    await edit(path, (ring) => revokeKey(ring, keyId));
    await Promise.all([first, source.reload(), source.reload()]);
    assert.is(source.current().find(keyId)?.state, "revoked");
  }));

test("a ring that was closed is not reloaded", () =>
  watching(async ({ path, keyId, source }) => {
    await source[Symbol.asyncDispose]();
    await edit(path, (ring) => revokeKey(ring, keyId));
    await source.reload();
    assert.is(source.current().find(keyId)?.state, "active");
  }));

test("a change is in the file and in force when it resolves", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    const { document, keyId } = ringOfAlice();
    await createRingFile(path, document);
    await using source = await watchKeyRing({ path, clock: systemClock, logger: new RecordingLogger() });
    await source.change((ring) => revokeKey(ring, keyId));
    assert.is(source.current().find(keyId)?.state, "revoked");
    assert.is(parseKeyRing(await readFile(path)).keys[0]?.state, "revoked");
  }));

test("a broken file at the start is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await writeFile(path, "{}", { mode: 0o600 });
    const error = await thrownBy(() => watchKeyRing({ path, clock: systemClock, logger: new RecordingLogger() }));
    assert.match(error.message, "version: is missing");
  }));

test("a ring that cannot be read for a moment is read at the next look, and the moment is told once", async () => {
  const { document } = ringOfAlice();
  const revoked = revokeKey(document, document.keys[0]?.keyId ?? "");
  let version = "1";
  let away = false;
  const place: KeyRingBackend = {
    name: "a database",
    pollMs: 1_000_000,
    version: async () => version,
    load: async () => {
      if (away) throw new Error("the database is away");
      const current = version === "1" ? document : revoked;
      return { document: current, ring: buildKeyRing(current), version };
    },
    watch: () => ({ [Symbol.dispose]() {} }),
    change: async () => {},
    lastUse: async () => new Map(),
  };
  const logger = new RecordingLogger();
  await using source = await watchBackend(place, { clock: systemClock, logger });
  [version, away] = ["2", true];
  for (let look = 0; look < 3; look += 1) await source.reload();
  assert.is(logger.lines.filter(({ level }) => level === "error").length, 1);
  away = false;
  await source.reload();
  assert.is([...source.current().keys()][0]?.state, "revoked");
});

test.run();
