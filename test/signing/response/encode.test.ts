import fc from "fast-check";
import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import { JobState } from "../../../gen/sealwire/v1/job.ts";
import { Response, Status } from "../../../gen/sealwire/v1/response.ts";
import { encodeResponse } from "../../../src/signing/response/encode.ts";
import { propertyRuns } from "../../support/property-runs.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("signing/response/encode");

test("a response is encoded as the generated code does, however large its result is", () => {
  const response = fc.record({
    size: fc.constantFrom(0, 1, 127, 16_383, 16_384, 100_000, 2_097_151, 2_097_152),
    typeUrl: fc.constantFrom("", "type.googleapis.com/sealwire.demo.v1.BatchSumResponse"),
    requestId: fc.string(),
    sequence: fc.bigInt({ min: 0n, max: 300n }),
    error: fc.constantFrom(undefined, { reason: ErrorReason.TOOL_FAILED, message: "failed" }),
    job: fc.constantFrom(undefined, { jobId: "job-1", state: JobState.FAILED }),
  });
  const check = fc.property(response, ({ size, typeUrl, ...fields }) => {
    const result = { typeUrl, value: Buffer.alloc(size, 0xa5) };
    const whole = Response.fromPartial({
      v: "mcp/0.1",
      tsMs: 1n,
      ok: true,
      serverId: "s",
      status: Status.OK,
      ...fields,
    });
    const expected = Response.encode({ ...whole, result }).finish();
    assert.ok(Buffer.from(expected).equals(encodeResponse({ ...whole, result })));
  });
  fc.assert(check, propertyRuns(200));
});

test("a response without a result is encoded as the generated code does", () => {
  const response = Response.fromPartial({ v: "mcp/0.1", requestId: "r", status: Status.ACCEPTED });
  assert.ok(Buffer.from(Response.encode(response).finish()).equals(encodeResponse(response)));
});

test.run();
