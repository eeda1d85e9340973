import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tokenDigest } from "../../../src/files/token-lines.ts";
import { readTokenEntries } from "../../../src/mcp/bridge/http/token-file.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/token-file");

const TOKEN = "0123456789abcdef0123456789abcdef";
const HASH = createHash("sha256").update("f".repeat(32)).digest("hex");

let folder = "";
let path = "";
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-tokens-"));
  path = join(folder, "tokens");
});
test.after(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  writeFileSync(path, text, { mode: 0o600 });
  return readTokenEntries(path);
}

test("each line is a principal: its name, its token or the digest of it, and its credentials", async () => {
  const entries = await read(
    `# who may call\n\nann ${TOKEN} ann.json\n  bob  sha256:${HASH}\t/keys/bob's file.json \n`,
  );
  assert.equal(entries, [
    { name: "ann", digest: tokenDigest(TOKEN), credentials: join(folder, "ann.json") },
    { name: "bob", digest: tokenDigest("f".repeat(32)), credentials: "/keys/bob's file.json" },
  ]);
});

test("a wrong line is refused naming it, without its secret", async () => {
  const wrong = [
    ["", "NAME TOKEN CREDENTIALS-FILE"],
    [`ann ${TOKEN}`, "line 1"],
    [`\nann short a.json`, "line 2"],
    [`a/b ${TOKEN} a.json`, "name"],
    [`ann sha256:${HASH.slice(1)} a.json`, "64 hex digits"],
    [`ann ${TOKEN} a.json\nann ${TOKEN}x b.json`, "names ann twice"],
    [`ann ${TOKEN} a.json\nbob ${TOKEN} b.json`, "ann and bob the same token"],
  ] as const;
  for (const [text, said] of wrong) {
    const { message } = await rejection("OPTIONS_INVALID", read(text));
    assert.match(message, said);
    assert.not.match(message, TOKEN);
  }
});

test("a file that others can read is refused", async () => {
  await read(`ann ${TOKEN} ann.json`);
  chmodSync(path, 0o644);
  assert.match((await rejection("OPTIONS_INVALID", readTokenEntries(path))).message, "chmod 600");
});

test.run();
