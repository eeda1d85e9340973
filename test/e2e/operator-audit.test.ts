import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OperatorToolServiceDefinition } from "../../gen/sealwire/operator/v1/operator_tool_service.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

/* What operators do is in the audit log, which they read through the server. */
const test = suite("e2e/operator-audit");

const CLIENTS = { app: {}, ann: { role: "operator" }, vic: { role: "viewer" } } as const;

const toolsOf = (server: TestServer, clientId: string) => server.client(clientId).tools(OperatorToolServiceDefinition);

async function startTask(server: TestServer): Promise<string> {
  const { job } = await server.client("app").call("start_long_task", { seconds: 20 });
  return job?.jobId ?? "";
}

test("each action of an operator has two lines, read newest first, by filter and in pages", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-operator-audit-"));
  try {
    await using server = await startServer({ clients: CLIENTS, audit: { to: join(folder, "audit.log") } });
    const jobId = await startTask(server);
    const ops = toolsOf(server, "ann");
    await ops.cancelAnyJob({ jobId });
    const keyId = server.credentials("app").keyId;
    // The ring of this server is held by the test.
    await rejection("TOOL_FAILED", ops.revokeKey({ keyId }));

    const viewer = toolsOf(server, "vic");
    const { instance, lines } = await viewer.readAudit({ clientId: "ann" });
    assert.is(instance, server.store.instanceId);
    assert.equal(
      lines.map(({ action, outcome, reason, targetType, targetId }) => [action, outcome, reason, targetType, targetId]),
      [
        ["operator.end", "failed", "TOOL_FAILED", "key", keyId],
        ["operator.begin", "begun", "", "key", keyId],
        ["operator.end", "succeeded", "", "job", jobId],
        ["operator.begin", "begun", "", "job", jobId],
      ],
    );
    assert.ok(lines.every(({ keyId: used }) => used === server.credentials("ann").keyId));
    assert.not.match(lines.map(({ line }) => line).join(), '"args"');

    const failed = await viewer.readAudit({ outcome: "failed", reason: "TOOL_FAILED" });
    assert.equal(
      failed.lines.map(({ sequence }) => sequence),
      [lines[0]?.sequence],
    );
    const seen: bigint[] = [];
    for (let pageToken = ""; ; ) {
      const page = await viewer.readAudit({ pageSize: 2, pageToken });
      seen.push(...page.lines.map(({ sequence }) => sequence));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    assert.equal(
      seen,
      [...seen].sort((a, b) => Number(b - a)),
    );
    assert.equal([seen.at(-1), new Set(seen).size], [1n, seen.length]);
    const { violations } = await rejection("ARGS_INVALID", viewer.readAudit({ pageToken: "none" }));
    assert.is(violations[0]?.field, "page_token");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("an operator does nothing that a required audit log cannot record", async () => {
  let isFull = false;
  const to = (): Promise<void> => (isFull ? Promise.reject(new Error("full")) : Promise.resolve());
  await using server = await startServer({ clients: CLIENTS, audit: { to, required: true } });
  const jobId = await startTask(server);
  const job = server.client("app").job(jobId);
  await eventually("the job runs", async () => (await job.poll()).state === "RUNNING");
  isFull = true;
  const options = { timeoutMs: 300 };
  await rejection("UNAVAILABLE", toolsOf(server, "ann").cancelAnyJob({ jobId }, options));
  assert.is((await job.poll()).state, "RUNNING");
  isFull = false;
  await toolsOf(server, "ann").cancelAnyJob({ jobId });
  await eventually("the job is cancelled", async () => (await job.poll()).state === "CANCELLED");
});

test.run();
