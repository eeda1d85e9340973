import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { forbiddenBits } from "../../../src/files/private-file.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { addKey, rotateServerSecret } from "../../../src/signing/key-ring/changes.ts";
import { formatSharedRing, parseSharedRing } from "../../../src/signing/key-ring/document.ts";
import { importSecret } from "../../../src/signing/key-ring/secret.ts";
import {
  createServerSecrets,
  loadServerSecrets,
  replaceServerSecrets,
} from "../../../src/signing/key-ring/server-secret-file.ts";
import { serverSecretFile } from "../../../src/signing/key-ring/server-secret-source.ts";
import { assert, suite } from "../../support/suite.ts";
import { context, inFolder, ringOfAlice, thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/server-secret-file");

test("secrets survive writing and reading, in a file that its owner alone can read", () =>
  inFolder(async (folder) => {
    const path = join(folder, "secrets.json");
    const { document } = ringOfAlice();
    await createServerSecrets(path, document.serverSecrets);
    assert.is((await stat(path)).mode & 0o777, 0o600);
    const first = await loadServerSecrets(path);
    assert.equal(
      first.secrets.map(({ id }) => id),
      document.serverSecrets.map(({ id }) => id),
    );
    assert.ok(document.serverSecrets[0]?.secret.equals(first.secrets[0]?.secret ?? importSecret(Buffer.alloc(32))));
    await replaceServerSecrets(path, rotateServerSecret(document, context).serverSecrets, systemRandom);
    const second = await loadServerSecrets(path);
    assert.is(second.secrets.length, 2);
    assert.is.not(second.version, first.version);
  }));

test("a file is read whenever its version is another; there is nothing to fetch before", () =>
  inFolder(async (folder) => {
    const path = join(folder, "secrets.json");
    const { document } = ringOfAlice();
    await createServerSecrets(path, document.serverSecrets);
    await using source = serverSecretFile(path);
    assert.is(source.name, path);
    const { secrets, version } = await source.load();
    await source.renew();
    assert.equal([secrets.length, await source.version()], [1, version]);
    await replaceServerSecrets(path, rotateServerSecret(document, context).serverSecrets, systemRandom);
    assert.is.not(await source.version(), version);
    assert.is((await source.load()).secrets.length, 2);
  }));

test("a file of secrets that holds none, is none, or can be read by others is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "secrets.json");
    await writeFile(path, '{"version":1,"server_secrets":[]}', { mode: 0o600 });
    assert.match((await thrownBy(() => loadServerSecrets(path))).message, "holds no server secret");
    await writeFile(path, '{"version":1,"server_secrets":[],"keys":[]}');
    assert.match((await thrownBy(() => loadServerSecrets(path))).message, "keys");
    await chmod(path, 0o644);
    assert.match((await thrownBy(() => loadServerSecrets(path))).message, "chmod 600");
  }));

test("a ring without its secrets survives writing and reading, and holds none", async () => {
  const { document } = ringOfAlice();
  const text = formatSharedRing(document);
  assert.equal(parseSharedRing(text), { serverId: document.serverId, keys: document.keys });
  assert.not.match(text, '"secret"');
  assert.match((await thrownBy(() => parseSharedRing('{"version":2}'))).message, "version");
});

test("a ring with an imported key has no place without secrets", async () => {
  const imported = { requestKey: importSecret(Buffer.alloc(40, 1)), responseKey: importSecret(Buffer.alloc(40, 2)) };
  const { document } = addKey(ringOfAlice().document, { clientId: "bob", tools: [], imported }, context);
  assert.match((await thrownBy(() => formatSharedRing(document))).message, "holds no secrets");
});

test("root's file may be readable for a group, unless root itself reads it", () => {
  assert.is(forbiddenBits(0n, 1000), 0o037n);
  assert.is(forbiddenBits(0n, 0), 0o077n);
  assert.is(forbiddenBits(1000n, 1000), 0o077n);
});

test("a secret in the file stays what it was", () =>
  inFolder(async (folder) => {
    const path = join(folder, "secrets.json");
    await createServerSecrets(path, ringOfAlice().document.serverSecrets);
    const before = await readFile(path, "utf8");
    assert.is((await thrownBy(() => createServerSecrets(path, []))).message.includes("not overwritten"), true);
    assert.is(await readFile(path, "utf8"), before);
  }));

test.run();
