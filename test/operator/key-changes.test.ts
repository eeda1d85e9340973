import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SealwireError } from "../../src/errors.ts";
import { changeKey, type KeyChange } from "../../src/operator/key-changes.ts";
import { addKey, newKeyRing, retireKey, revokeKey } from "../../src/signing/key-ring/changes.ts";
import { type KeyRingDocument, parseKeyRing } from "../../src/signing/key-ring/document.ts";
import { watchKeyRing } from "../../src/signing/key-ring/file-key-ring.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import { createRingFile } from "../../src/signing/key-ring/ring-file.ts";
import { inFolder } from "../signing/key-ring/ring-folder.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("operator/key-changes");

const NOW_MS = Date.UTC(2026, 10, 30);

interface Keys {
  document: KeyRingDocument;
  readonly ids: Record<string, string>;
}

/** A ring with two operators, a viewer and an ordinary client. */
function ring(): Keys {
  let document = newKeyRing("s");
  const ids: Record<string, string> = {};
  for (const [clientId, role] of [
    ["ann", "operator"],
    ["bob", "operator"],
    ["vic", "viewer"],
    ["app", undefined],
  ] as const) {
    const added = addKey(document, { clientId, tools: [], ...(role && { role }) });
    document = added.document;
    ids[clientId] = added.keyId;
  }
  return { document, ids };
}

/** Applies changes to a ring in a file. Returns the states by client, or the refusal of the last change. */
async function apply(document: KeyRingDocument, ...changes: readonly KeyChange[]): Promise<unknown> {
  let outcome: unknown;
  await inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    await createRingFile(path, document);
    await using keyRing = await watchKeyRing({ path });
    const context = { nowMs: NOW_MS, onFailure: () => {} };
    try {
      for (const change of changes) await changeKey(keyRing, change, context);
      const { keys } = parseKeyRing(await readFile(path));
      outcome = Object.fromEntries(keys.map(({ clientId, state }) => [clientId, state]));
    } catch (error) {
      const { reason, status, message } = error as SealwireError;
      outcome = `${reason} ${status}: ${message}`;
    }
  });
  return outcome;
}

const LAST = /^TOOL_FAILED FAILED_PRECONDITION: This is the last valid operator's key/;

test("any key but the last operator's is revoked and retired, also the one that asks", async () => {
  const { document, ids } = ring();
  const { ann = "", vic = "", app = "" } = ids;
  assert.equal(
    await apply(
      document,
      { kind: "revoke", keyId: ann },
      { kind: "revoke", keyId: vic },
      { kind: "retire", keyId: app, endsAtMs: NOW_MS },
      // Once more: nothing changes.
      { kind: "revoke", keyId: ann },
    ),
    { ann: "revoked", bob: "active", vic: "revoked", app: "retiring" },
  );
});

test("the last valid operator's key is neither revoked nor retired", async () => {
  const { document, ids } = ring();
  const { ann = "", bob = "" } = ids;
  for (const kind of ["revoke", "retire"] as const) {
    assert.match(String(await apply(document, { kind: "revoke", keyId: ann }, { kind, keyId: bob })), LAST);
    // Two operators at once: the first to change the ring wins.
    assert.match(String(await apply(document, { kind: "retire", keyId: bob }, { kind, keyId: ann })), LAST);
  }
});

test("an operator's key that is retiring, over or not yet valid is no reason to give up another", async () => {
  const { document, ids } = ring();
  const { ann = "", bob = "" } = ids;
  const change = (entry: object): KeyRingDocument => ({
    ...document,
    keys: document.keys.map((key) => (key.keyId === bob ? { ...key, ...entry } : key)),
  });
  for (const other of [
    retireKey(document, { keyId: bob }),
    revokeKey(document, bob),
    change({ notAfterMs: NOW_MS }),
    change({ notBeforeMs: NOW_MS + 1 }),
    change({ role: "viewer" }),
  ]) {
    assert.match(String(await apply(other, { kind: "revoke", keyId: ann })), LAST);
  }
  assert.equal(await apply(change({ notAfterMs: NOW_MS + 1 }), { kind: "revoke", keyId: ann }), {
    ...{ ann: "revoked", bob: "active", vic: "active", app: "active" },
  });
});

test("an unknown key and a revoked one are told", async () => {
  const { document, ids } = ring();
  assert.match(
    String(await apply(document, { kind: "revoke", keyId: "k_none" })),
    /^TOOL_FAILED NOT_FOUND: There is no/,
  );
  const revoked = revokeKey(document, ids.app ?? "");
  const said = String(await apply(revoked, { kind: "retire", keyId: ids.app ?? "" }));
  assert.match(said, /^TOOL_FAILED FAILED_PRECONDITION: The key is revoked permanently/);
});

test("a ring in memory is not changed", async () => {
  const { document, ids } = ring();
  await using keyRing = memoryKeyRing(document);
  const change = { kind: "revoke", keyId: ids.app ?? "" } as const;
  const error = await rejection("TOOL_FAILED", changeKey(keyRing, change, { nowMs: NOW_MS, onFailure: () => {} }));
  assert.match(error.message, "held by its program");
});

test("why a file cannot be changed is for the log alone", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ring.json");
    const { document, ids } = ring();
    await createRingFile(path, document);
    await using keyRing = await watchKeyRing({ path });
    const causes: string[] = [];
    const change = { kind: "revoke", keyId: ids.app ?? "" } as const;
    await chmod(path, 0o644);
    const context = { nowMs: NOW_MS, onFailure: (cause: unknown) => causes.push(String(cause)) };
    const error = await rejection("TOOL_FAILED", changeKey(keyRing, change, context));
    assert.is(error.status, "FAILED_PRECONDITION");
    assert.not.match(error.message, path);
    assert.match(causes.join(), path);
  }));

test("a key is not retired before it becomes valid, and the caller is told which field to change", async () => {
  const { document, ids } = ring();
  const keys = document.keys.map((key) => (key.clientId === "app" ? { ...key, notBeforeMs: NOW_MS + 1_000 } : key));
  const retire = (endsAtMs: number) => apply({ ...document, keys }, { kind: "retire", keyId: ids.app ?? "", endsAtMs });
  assert.match(
    String(await retire(NOW_MS + 1_000)),
    /^ARGS_INVALID INVALID_ARGUMENT: end_time must be later than 2026-/,
  );
  assert.equal(await retire(NOW_MS + 1_001), { ann: "active", bob: "active", vic: "active", app: "retiring" });
});

test.run();
