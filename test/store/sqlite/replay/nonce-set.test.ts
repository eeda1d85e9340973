import { createHash } from "node:crypto";
import fc from "fast-check";
import { NonceSet } from "../../../../src/store/sqlite/replay/nonce-set.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/replay/nonce-set");

const NOW_MS = 1_000_000_000;

function fingerprint(name: string | number): Buffer {
  return createHash("sha256").update(String(name)).digest();
}

test("it holds what a plain set would hold, whatever is added when, and forgets only what is refused anyway", () => {
  const adding = fc.record({ name: fc.nat(50), inMs: fc.integer({ min: -1_000, max: 5_000_000 }) });
  fc.assert(
    fc.property(fc.array(fc.oneof(adding, fc.nat(2_000_000)), { maxLength: 200 }), (steps) => {
      const set = new NonceSet();
      const held = new Map<number, number>();
      let refusedToMs = 0;
      for (const step of steps) {
        if (typeof step === "number") {
          refusedToMs = Math.max(refusedToMs, NOW_MS + step);
          set.forget(({ toMs }) => toMs <= refusedToMs);
          continue;
        }
        const tsMs = NOW_MS + step.inMs;
        if (tsMs <= refusedToMs) continue;
        const isKnown = (held.get(step.name) ?? 0) > refusedToMs;
        const added = set.add(fingerprint(step.name), tsMs);
        // Whole spans are forgotten, so what is refused anyway may still be known; what is not always is.
        if (isKnown) assert.is(added, false);
        if (!held.has(step.name)) assert.is(added, true);
        if (added) held.set(step.name, tsMs);
      }
    }),
  );
});

test("a hundred thousand nonces, one of all zeros among them, are told apart", () => {
  const set = new NonceSet();
  const all = [Buffer.alloc(32), ...Array.from({ length: 100_000 }, (_, index) => fingerprint(index))];
  for (const [index, each] of all.entries()) assert.is(set.add(each, NOW_MS + (index % 300_000)), true);
  for (const each of all) assert.is(set.add(each, NOW_MS + 1), false);
});

test.run();
