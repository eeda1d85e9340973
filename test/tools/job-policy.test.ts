import { JobPolicy } from "../../gen/sealwire/v1/options.ts";
import { SealwireError } from "../../src/errors.ts";
import { DEFAULT_JOB_POLICY, resolveJobPolicy, toPolicyMessage } from "../../src/tools/job-policy.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("tools/job-policy");

test("an empty option gets every default", () => {
  assert.equal(resolveJobPolicy(JobPolicy.create({}), "S.M"), DEFAULT_JOB_POLICY);
});

test("what the option says is taken, in milliseconds", () => {
  const option = JobPolicy.create({
    executionTimeout: { seconds: 90n, nanos: 500_000_000 },
    heartbeatTimeout: { seconds: 5n, nanos: 0 },
    maxAttempts: 1,
  });
  const policy = resolveJobPolicy(option, "S.M");
  assert.is(policy.executionTimeoutMs, 90_500);
  assert.is(policy.heartbeatTimeoutMs, 5000);
  assert.is(policy.maxAttempts, 1);
});

test("a policy comes back from its message unchanged", () => {
  const policy = { ...DEFAULT_JOB_POLICY, heartbeatTimeoutMs: 1500, maxAttempts: 7, priority: -3 };
  assert.equal(resolveJobPolicy(toPolicyMessage(policy), "S.M"), policy);
});

test("a policy of a century is taken, and no time of its jobs is beyond what a Timestamp holds", () => {
  const century = { seconds: 36_500n * 86_400n, nanos: 0 };
  const policy = resolveJobPolicy(JobPolicy.create({ executionTimeout: century, retention: century }), "S.M");
  assert.is(policy.executionTimeoutMs, 36_500 * 86_400_000);
  assert.ok(new Date(Date.now() + 2 * policy.retentionMs).getUTCFullYear() < 9999);
});

test("a policy that makes no sense stops the start and names the field", () => {
  const wrong: [Partial<JobPolicy>, string][] = [
    [{ retention: { seconds: 3600n, nanos: 0 } }, "retention"],
    [{ maxAttempts: 101 }, "max_attempts"],
    [{ priority: 101 }, "priority"],
    [{ priority: -101 }, "priority"],
    [{ maxAttempts: -1 }, "max_attempts"],
    [{ executionTimeout: { seconds: 0n, nanos: 0 } }, "execution_timeout"],
    [{ heartbeatTimeout: { seconds: -1n, nanos: 0 } }, "heartbeat_timeout"],
    [{ executionTimeout: { seconds: 36_500n * 86_400n, nanos: 1 } }, "execution_timeout"],
    [{ retention: { seconds: 315_576_000_000n, nanos: 0 } }, "retention"],
  ];
  for (const [option, field] of wrong) {
    assert.throws(
      () => resolveJobPolicy(JobPolicy.create(option), "S.M"),
      (error: unknown) =>
        error instanceof SealwireError && error.reason === "OPTIONS_INVALID" && error.message.includes(field),
    );
  }
});

test.run();
