import { NonceAges } from "../../../../src/store/sqlite/replay/nonce-ages.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/replay/nonce-ages");

const NEVER_AHEAD = Number.POSITIVE_INFINITY;

test("rows are due once they are old by the monotonic clock and one of them expires, until they are said to be gone", () => {
  const ages = new NonceAges(0, 0);
  for (const expiresAtMs of [700, 500]) ages.written(expiresAtMs);
  ages.note(100, 2);
  ages.written(900);
  ages.note(200, 3);
  const due = (atMs: number, expiredByMs: number) => ages.due(atMs, { expiredByMs, aheadFromMs: NEVER_AHEAD });
  assert.equal(due(99, 1_000), []);
  assert.equal(due(100, 499), []);
  assert.equal(
    due(100, 500).map(({ afterSeq, lastSeq }) => [afterSeq, lastSeq]),
    [[0, 2]],
  );
  const [first] = due(200, 1_000);
  assert.is(due(200, 1_000).length, 2);
  if (first !== undefined) ages.gone(first);
  assert.equal(
    due(200, 1_000).map(({ afterSeq, lastSeq }) => [afterSeq, lastSeq]),
    [[2, 3]],
  );
});

test("rows that were there at the start count from then, and rows far ahead are due though they have not expired", () => {
  const ages = new NonceAges(50, 7, { firstMs: 5_000, lastMs: 9_000 });
  assert.equal(ages.due(49, { expiredByMs: 0, aheadFromMs: 8_000 }), []);
  assert.is(ages.due(50, { expiredByMs: 0, aheadFromMs: 8_000 }).length, 1);
  assert.equal(ages.due(50, { expiredByMs: 0, aheadFromMs: 9_000 }), []);
});

test.run();
