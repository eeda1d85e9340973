import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import { okOfStatus, readResponse } from "../../src/validation/response.ts";
import { StrictError } from "../../src/validation/strict.ts";
import { assumeVerified } from "../../src/validation/verified-bytes.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("validation/response");

const GOOD = Response.fromPartial({
  v: "mcp/0.1",
  requestId: "r-1",
  tsMs: 1n,
  ok: true,
  serverId: "server",
  status: Status.OK,
  job: { jobId: "j", error: { message: "m", violations: [{ field: "f" }] }, createTime: { seconds: 1n } },
});

function problem(change: Partial<Response>, extra = ""): string {
  const bytes = Buffer.concat([
    Response.encode({ ...GOOD, ...change }).finish(),
    Buffer.from(extra.replaceAll(" ", ""), "hex"),
  ]);
  try {
    readResponse(assumeVerified(bytes));
    return "none";
  } catch (error) {
    assert.instance(error, StrictError);
    return (error as StrictError).message;
  }
}

test("ok is a function of status", () => {
  const ok: Status[] = [Status.OK, Status.ACCEPTED, Status.RUNNING, Status.DONE];
  const notOk: Status[] = [Status.ERROR, Status.CANCELLED];
  for (const status of [...ok, ...notOk]) {
    assert.is(okOfStatus(status), ok.includes(status));
    assert.is(problem({ status, ok: ok.includes(status) }), "none");
    assert.is(problem({ status, ok: !ok.includes(status) }), "ok: does not agree with status");
  }
});

test("a status that is never sent is refused", () => {
  assert.is(okOfStatus(Status.UNSPECIFIED), undefined);
  assert.is(problem({ status: Status.UNSPECIFIED }), "status: not one that is sent");
  assert.is(problem({ status: 7 as Status }), "status: not one that is sent");
});

test("another version is refused", () => {
  assert.is(problem({ v: "mcp/0.2" }), "v: another protocol version");
});

test("a field that a newer server sends is passed over at every depth", () => {
  assert.is(problem({}, "c03e01"), "none");
  assert.is(problem({}, "c03e01 c03e02"), "none");
  assert.is(problem({ job: undefined }, "4a03 c03e01"), "none");
  assert.is(problem({ job: undefined }, "4a08 4a06 2a04 c23e01ff"), "none");
});

test("what no version of the contract can mean is refused at every depth", () => {
  assert.is(problem({}, "2001"), "ok: given twice");
  assert.is(problem({ job: undefined }, "4a06 0a0161 0a0162"), "job.job_id: given twice");
  assert.is(problem({ job: undefined }, "4a03 0a01ff"), "job.job_id: text that is not UTF-8");
  assert.is(problem({ job: undefined }, "4a02 0801"), "job.job_id: wire type 0 instead of 2");
  assert.is(problem({}, "c33ec43e"), "group");
  assert.is(problem({}, "c23e05 01"), "truncated");
});

test.run();
