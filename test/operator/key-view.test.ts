import { pageOfKeys } from "../../src/operator/key-view.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("operator/key-view");

test("a page of keys with long lists of tools ends before an answer could not hold it, and each key is on one page", () => {
  const tools = Array.from({ length: 2_000 }, (_, index) => `tool_${index}`.padEnd(100, "x"));
  let document = newKeyRing("s");
  for (let key = 0; key < 40; key += 1) document = addKey(document, { clientId: `client-${key}`, tools }).document;
  const ring = buildKeyRing(document);
  const clients: string[] = [];
  for (let pageToken: string | undefined, more = true; more; more = pageToken !== undefined) {
    const page = pageOfKeys(ring, { pageSize: 1_000, ...(pageToken !== undefined && { pageToken }) }, new Map());
    assert.ok(page.keys.length > 0 && page.keys.length * 200_000 < 2 * 1024 * 1024);
    clients.push(...page.keys.map(({ clientId }) => clientId));
    pageToken = page.nextPageToken;
  }
  assert.equal(
    clients,
    document.keys.map(({ clientId }) => clientId),
  );
});

test.run();
