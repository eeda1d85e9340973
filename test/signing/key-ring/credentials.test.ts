import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  credentialsOf,
  formatCredentials,
  parseCredentials,
  readCredentials,
  writeCredentials,
} from "../../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../../src/signing/key-ring/key-ring.ts";
import { assert, suite } from "../../support/suite.ts";
import { inFolder, ringOfAlice, thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/credentials");

function ofAlice() {
  const { document, keyId } = ringOfAlice();
  const key = buildKeyRing(document).find(keyId);
  if (key === undefined) throw new Error("alice's key is missing");
  return credentialsOf(key, { serverId: "test-server", address: "127.0.0.1:50051" });
}

test("a file has mode 0600, the documented fields, and reads back as it was", () =>
  inFolder(async (folder) => {
    const path = join(folder, "client.json");
    const credentials = ofAlice();
    await writeCredentials(path, credentials);
    assert.is((await stat(path)).mode & 0o777, 0o600);
    const json = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    const fields = "address,server_id,server_fingerprint,client_id,key_id,request_key,response_key";
    assert.is(Object.keys(json).join(), fields);
    assert.match(json.request_key ?? "", /^sws_[\w-]{43}$/);
    assert.match(json.response_key ?? "", /^swr_[\w-]{43}$/);
    const read = await readCredentials(path);
    assert.is(formatCredentials(read), formatCredentials(credentials));
    assert.ok(read.requestKey.equals(credentials.requestKey));
  }));

test("a file is not overwritten", () =>
  inFolder(async (folder) => {
    const path = join(folder, "client.json");
    await writeFile(path, "mine");
    assert.match((await thrownBy(() => writeCredentials(path, ofAlice()))).message, "is not overwritten");
    assert.is(await readFile(path, "utf8"), "mine");
  }));

test("a file that others can read is refused as ssh refuses it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "client.json");
    await writeCredentials(path, ofAlice());
    await chmod(path, 0o644);
    assert.match((await thrownBy(() => readCredentials(path))).message, `chmod 600 ${path}`);
  }));

test("keys in each other's place are refused without being shown", async () => {
  const json = JSON.parse(formatCredentials(ofAlice())) as Record<string, string>;
  const swapped = { ...json, request_key: json.response_key, response_key: json.request_key };
  const error = await thrownBy(() => parseCredentials(Buffer.from(JSON.stringify(swapped))));
  assert.match(error.message, 'request_key: The request key must start with "sws_"');
  assert.not.match(error.message, (json.response_key ?? "").slice(4, 12));
});

test("unknown, missing and malformed fields are named", async () => {
  const json = JSON.parse(formatCredentials(ofAlice())) as Record<string, unknown>;
  const refusal = async (change: object) =>
    (await thrownBy(() => parseCredentials(Buffer.from(JSON.stringify({ ...json, ...change }))))).message;
  assert.match(await refusal({ secret: 1 }), 'has an unknown field "secret"');
  assert.match(await refusal({ address: undefined }), "address: is missing");
  assert.match(await refusal({ server_fingerprint: "abc" }), "server_fingerprint: must be 32 hex digits");
});

test.run();
