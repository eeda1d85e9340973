import { addKey, newKeyRing } from "../../../src/signing/key-ring/changes.ts";
import {
  formatKeyRing,
  keyRingFieldError,
  parseKeyRing,
  ringFieldAtFault,
} from "../../../src/signing/key-ring/document.ts";
import { importSecret } from "../../../src/signing/key-ring/secret.ts";
import { assert, suite } from "../../support/suite.ts";
import { context, MADE_AT_MS, ringOfAlice, thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/document");

interface Json {
  [name: string]: unknown;
  server_secrets: Record<string, unknown>[];
  keys: Record<string, unknown>[];
}

/** The message for alice's ring after `damage` was done to its JSON. */
async function refusal(damage: (json: Json) => void): Promise<string> {
  const json = JSON.parse(formatKeyRing(ringOfAlice().document)) as Json;
  damage(json);
  const error = await thrownBy(() => parseKeyRing(Buffer.from(JSON.stringify(json))));
  assert.is((error as { reason?: string }).reason, "KEY_RING_INVALID");
  return error.message;
}

function changed(field: string, value: unknown) {
  return (json: Json) => {
    (json.keys[0] as Record<string, unknown>)[field] = value;
  };
}

test("a document with every field survives writing and reading", () => {
  const imported = {
    requestKey: importSecret(Buffer.alloc(40, 1)),
    responseKey: importSecret(Buffer.alloc(70, 2)),
  };
  const limits = { callsPerSecond: 0.5, burst: 3, callsInFlight: 2, openJobs: 0, openWatches: 1 };
  const times = { notBeforeMs: MADE_AT_MS, notAfterMs: MADE_AT_MS + 1500 };
  const { document: one } = addKey(newKeyRing("s", context), { clientId: "a", tools: [], limits, ...times }, context);
  const { document } = addKey(one, { clientId: "b", tools: ["batch_*", "x"], imported }, context);
  const read = parseKeyRing(Buffer.from(formatKeyRing(document)));
  assert.is(formatKeyRing(read), formatKeyRing(document));
  assert.equal(read.keys[0], document.keys[0]);
  assert.equal(read.keys[1]?.limits, {});
});

test("a role is written only where a key has one, because servers of 0.1 refuse an unknown field", () => {
  const plain = addKey(newKeyRing("s", context), { clientId: "a", tools: [] }, context).document;
  assert.not.match(formatKeyRing(plain), "role");
  const { document } = addKey(plain, { clientId: "b", tools: [], role: "viewer" }, context);
  const read = parseKeyRing(Buffer.from(formatKeyRing(document)));
  assert.equal(
    read.keys.map(({ role }) => role),
    [undefined, "viewer"],
  );
});

test("a bad field is named by its path, with what it must be", async () => {
  assert.match(
    await refusal(changed("state", "paused")),
    'keys[0].state: must be one of "active", "retiring", "revoked"',
  );
  assert.match(await refusal(changed("role", "admin")), 'keys[0].role: must be one of "viewer", "operator"');
  assert.match(await refusal(changed("client_id", "a b")), "keys[0].client_id: must be 1 to 128 printable");
  assert.match(await refusal(changed("not_after", "tomorrow")), 'keys[0].not_after: must be a UTC time such as "2026');
  assert.match(await refusal(changed("not_after", "2026-02-30T25:00:00Z")), "keys[0].not_after: must be a UTC time");
  assert.match(await refusal(changed("tools", "*")), "keys[0].tools: must be a list");
  assert.match(await refusal(changed("tools", ["ok", "No.Tool"])), "keys[0].tools[1]: must be a tool name");
  assert.match(await refusal(changed("limits", { burst: 0 })), "keys[0].limits.burst: must be a whole number from 1");
  assert.match(await refusal(changed("limits", { rate: 1 })), 'keys[0].limits: has an unknown field "rate"');
  assert.match(
    await refusal(changed("colour", "red")),
    'keys[0]: has an unknown field "colour"; the fields are key_id',
  );
  assert.match(await refusal((json) => delete json.server_id), "server_id: is missing");
  assert.match(
    await refusal((json) => Object.assign(json, { version: 2 })),
    "version: must be a whole number from 1 to 1",
  );
  assert.match(await refusal((json) => json.keys.push([] as never)), "keys[1]: must be a JSON object");
});

test("a key must come from one place", async () => {
  assert.match(await refusal(changed("request_key", "sws_x")), "keys[0].request_key: must be left out");
  assert.match(await refusal((json) => delete json.keys[0]?.server_secret_id), "keys[0].server_secret_id: is missing");
});

test("a key cannot end before it begins", async () => {
  const message = await refusal((json) =>
    Object.assign(json.keys[0] as object, { not_before: "2026-01-01T00:00:00Z", not_after: "2026-01-01T00:00:00Z" }),
  );
  assert.match(message, "keys[0].not_after: must be later than not_before");
});

test("secrets that are short or mistyped are refused without being shown", async () => {
  const short = Buffer.alloc(31, 7).toString("base64url");
  const first = (json: Json) => json.server_secrets[0] as Record<string, unknown>;
  const message = await refusal((json) => Object.assign(first(json), { secret: short }));
  assert.match(message, "server_secrets[0].secret: a secret needs 32 bytes or more, this one has 31");
  assert.not.match(message, short);
  const padded = `${Buffer.alloc(32, 7).toString("base64")}`;
  const other = await refusal((json) => Object.assign(first(json), { secret: padded }));
  assert.match(other, "server_secrets[0].secret: must be base64url text without padding");
  assert.not.match(other, padded);
  const key = await refusal((json) => {
    delete json.keys[0]?.server_secret_id;
    Object.assign(json.keys[0] as object, { request_key: `sws_${short}`, response_key: "swr_" });
  });
  assert.match(key, "keys[0].request_key: ");
  assert.not.match(key, short);
});

test("two keys with one id are refused by the place of the second", async () => {
  const message = await refusal((json) => json.keys.push(json.keys[0] as Record<string, unknown>));
  assert.match(message, /keys\[1\]\.key_id: "[^"]+" is taken; give each key an id of its own/);
});

test("the place at fault is found in errors of a ring, and in no others", () => {
  assert.is(ringFieldAtFault(keyRingFieldError("keys[0].tools", "must be a list"))?.path, "keys[0].tools");
  assert.is(ringFieldAtFault(new Error("no ring", { cause: "keys[0].tools" })), undefined);
});

test.run();
