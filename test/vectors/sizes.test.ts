import { readFileSync } from "node:fs";
import fc from "fast-check";
import { mac, macEquals, macKey } from "../../src/signing/mac.ts";
import { pae } from "../../src/signing/pae.ts";
import { verifyRequest } from "../../src/signing/request/signature.ts";
import { verifyResponse } from "../../src/signing/response/signature.ts";
import { readFrame } from "../../src/wire/frame.ts";
import { MAX_REQUEST_BYTES } from "../../src/wire/limits.ts";
import { assert, suite } from "../support/suite.ts";
import { hex } from "../validation/sample-image.ts";
import { fromRuns, toRuns } from "./byte-runs.ts";
import type { SizeCase, SizeVectors } from "./size-cases.ts";

const test = suite("vectors/sizes");

const sizes = JSON.parse(readFileSync(new URL("sizes.json", import.meta.url), "utf8")) as SizeVectors;

for (const { comment, key, input, mac: expected } of sizes.macs) {
  test(`HMAC: ${comment}`, () => {
    assert.ok(macEquals(mac(macKey(hex(key)), fromRuns(input)), hex(expected)));
  });
}

for (const each of sizes.cases) {
  test(`${each.flag} ${each.id}: ${each.comment}: ${each.result}`, () => {
    const input = fromRuns(each.signingInput);
    assert.ok(pae(...each.parts.map(fromRuns)).equals(input), "the parts do not make the signing input");
    assert.ok(macEquals(mac(macKey(hex(each.key)), input), hex(each.signature)));
    assert.is(holds(each), each.result === "valid");
  });
}

function holds({ flag, key, keyId, parts, frame }: SizeCase): boolean {
  const { content, signature, ...received } = readFrame(fromRuns(frame));
  assert.is(received.keyId, keyId);
  const second = fromRuns(parts[1] ?? []);
  return flag === "Request"
    ? verifyRequest(macKey(hex(key)), { method: second.toString(), keyId, envelope: content }, signature)
    : verifyResponse(macKey(hex(key)), { requestSignature: second, response: content }, signature);
}

test("the largest frame is as large as a server reads", () => {
  const largest = sizes.cases.find(({ comment }) => comment.startsWith("a frame of 1 MiB"));
  assert.is(fromRuns(largest?.frame ?? []).length, MAX_REQUEST_BYTES);
});

test("runs read back as the bytes they were written from", () => {
  const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 100 })));
  fc.assert(
    fc.property(runs, (lengths) => {
      const bytes = Buffer.concat(lengths.map(([byte, times]) => Buffer.alloc(times, byte)));
      assert.ok(fromRuns(toRuns(bytes)).equals(bytes));
    }),
  );
});

test.run();
