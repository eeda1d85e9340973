import fc from "fast-check";
import { SealwireError } from "../../src/errors.ts";
import { pae, paePieces } from "../../src/signing/pae.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("signing/pae");

test("parts are counted and measured in bytes", () => {
  assert.is(pae().toString(), "mcp/0.1 0");
  assert.is(pae("fingerprint").toString(), "mcp/0.1 1 11 fingerprint");
  assert.is(pae("", Buffer.from("a b")).toString(), "mcp/0.1 2 0  3 a b");
  assert.is(pae("é", "\u{1f600}").toString(), "mcp/0.1 2 2 é 4 \u{1f600}");
});

test("text and its UTF-8 bytes count the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => assert.ok(pae(text).equals(pae(Buffer.from(text))))),
  );
});

test("large parts are pieces of their own, and all pieces together are the encoding", () => {
  const large = Buffer.alloc(100_000, 1);
  const small = Buffer.from("small");
  const lists = [[large], ["text", large, "text"], [small, large, small, large], [large, large], [small, "", small]];
  for (const parts of lists) {
    const pieces = paePieces(...parts);
    const lengths = parts.map((part) => ` ${part.length} ${typeof part === "string" ? part : part.toString("latin1")}`);
    assert.ok(Buffer.concat(pieces).equals(Buffer.from(`mcp/0.1 ${parts.length}${lengths.join("")}`, "latin1")));
    assert.ok(pae(...parts).equals(Buffer.concat(pieces)));
    assert.is(pieces.filter((piece) => piece === large).length, parts.filter((part) => part === large).length);
  }
});

test("different lists of parts never give the same bytes", () => {
  const part = fc.string({ unit: fc.constantFrom("0", "1", "2", " ", "a"), maxLength: 4 });
  const parts = fc.array(part, { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      assert.is(pae(...a).equals(pae(...b)), JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 2000 },
  );
});

test("text with half of a surrogate pair is refused, not replaced", () => {
  assert.throws(
    () => pae("a\ud83d"),
    (error: unknown) => error instanceof SealwireError && error.reason === "OPTIONS_INVALID",
  );
});

test.run();
