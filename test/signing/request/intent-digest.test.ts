import { createHash } from "node:crypto";
import { intentDigest } from "../../../src/signing/request/intent-digest.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("signing/request/intent-digest");

test("the digest is SHA-256 over the tool and its arguments", () => {
  const expected = createHash("sha256").update("mcp/0.1 3 6 intent 4 tool 4 args").digest("hex");
  const digest = intentDigest("tool", Buffer.from("args"));
  assert.ok(Buffer.isBuffer(digest));
  assert.is(digest.toString("hex"), expected);
  assert.is.not(intentDigest("toola", Buffer.from("rgs")).toString("hex"), expected);
});

test.run();
