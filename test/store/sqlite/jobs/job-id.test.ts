import { randomBytes } from "node:crypto";
import { makeJobId } from "../../../../src/store/sqlite/jobs/job-id.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/jobs/job-id");

test("a job id is a UUID of version 7, and later ids sort behind earlier ones", () => {
  const ids = [0, 1, 255, 1_700_000_000_000, 1_700_000_000_001].map((nowMs) => makeJobId(nowMs, randomBytes(16)));
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal([...ids].sort(), ids);
});

test.run();
