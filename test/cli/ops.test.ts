import { readPages } from "../../src/cli/input/operator-client.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { appendLines, call } from "../audit/audit-file.ts";
import { startServer, type TestServerOptions } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testService } from "../support/test-service.ts";
import { type Ended, inFolder, run } from "./cli-run.ts";

const test = suite("cli/ops");

const { tools, descriptors } = testService({
  Work: {
    job: { maxAttempts: 1 },
    run: ([numbers = 0]) => {
      if (numbers < 0) throw new Error("a fault");
      return numbers;
    },
  },
});

const OPTIONS: TestServerOptions = {
  tools: [tools],
  descriptors: [descriptors],
  clients: { app: {}, other: {}, ann: { role: "operator" }, vic: { role: "viewer" } },
};

/** A command of an operator, and its words after `ops`. */
type Ops = (...words: string[]) => Promise<Ended>;

/** Runs `body` beside a server, with two jobs of `app`, one of which failed, and one of `other`. */
function withServer(
  options: TestServerOptions,
  body: (commands: { readonly ann: Ops; readonly vic: Ops; readonly jobIds: readonly string[] }) => Promise<void>,
  prepare: () => void = () => {},
): Promise<void> {
  return inFolder(async () => {
    prepare();
    await using server = await startServer({ ...OPTIONS, ...options });
    const jobIds: string[] = [];
    for (const [clientId, number] of [
      ["app", 1],
      ["app", -1],
      ["other", 2],
    ] as const) {
      const { job } = await server.client(clientId).call("work", { numbers: [number] });
      jobIds.push(job?.jobId ?? "");
      await server
        .client(clientId)
        .job(job?.jobId ?? "")
        .result()
        .catch(() => {});
    }
    const as = async (clientId: string): Promise<Ops> => {
      await writeCredentials(`${clientId}.json`, server.credentials(clientId));
      return (...words) => run(["ops", ...words, "--credentials", `${clientId}.json`]);
    };
    await body({ ann: await as("ann"), vic: await as("vic"), jobIds });
  });
}

/** The cells of a table by row, without its headings. */
function rowsOf({ stdout }: Ended): string[][] {
  const [, ...lines] = stdout.trimEnd().split("\n");
  return lines.map((line) => line.split(/ {2,}/));
}

test("jobs of all clients, newest first, by state, tool, client and time, and no more than asked for", () =>
  withServer({}, async ({ vic, jobIds }) => {
    const [first, second, third] = jobIds;
    const found = async (...words: string[]) => rowsOf(await vic("jobs", ...words)).map(([jobId]) => jobId);
    const all = await vic("jobs");
    assert.match(all.stdout, /^JOB +CLIENT +TOOL +STATE +CREATED +ENDED +ERROR +INSTANCE\n/);
    const [, , , , , , error, instance] = rowsOf(all)[1] ?? [];
    assert.is(error, "INTERNAL");
    assert.match((await vic("instances")).stdout, `${instance} (this)`);
    assert.equal(
      rowsOf(all).map((row) => row.slice(0, 4)),
      [
        [third, "other", "work", "SUCCEEDED"],
        [second, "app", "work", "FAILED"],
        [first, "app", "work", "SUCCEEDED"],
      ],
    );
    assert.equal(await found("--client", "app", "--state", "SUCCEEDED,QUEUED"), [first]);
    assert.equal(await found("--tool", "other_tool"), []);
    assert.equal(await found("--since", "2100-01-01T00:00:00Z"), []);
    assert.equal(await found("--before", "2026-01-01T00:00:00Z"), []);
    const cut = await vic("jobs", "--limit", "2");
    assert.equal(rowsOf(cut).length, 2);
    assert.match(cut.stderr, "There are more jobs than these 2");
    assert.is((await vic("jobs", "--limit", "3")).stderr, "");
  }));

test("one job with its attempts; payloads only where the server permits them", () =>
  withServer({ operatorPayloads: true }, async ({ ann, vic, jobIds }) => {
    const [done = "", failed = ""] = jobIds;
    const { code, stdout } = await vic("job", failed);
    assert.is(code, 0);
    assert.match(stdout, /^client +app\njob /);
    assert.match(stdout, /\nATTEMPT +INSTANCE +STARTED +ENDED +OUTCOME +ERROR\n1 .* failed +INTERNAL: /);
    assert.not.match((await ann("job", done)).stdout, "result");
    const shown = (await ann("job", done, "--payloads")).stdout;
    assert.match(shown, /\nresult +\{"count":1,"total":1,"@type":"type.googleapis.com\/sealwire\.demo/);
    assert.is((await vic("job", done, "--payloads")).code, 3);
  }));

test("a viewer cancels nothing, and an operator is told what became of the job", () =>
  withServer({}, async ({ ann, vic, jobIds }) => {
    const [done = ""] = jobIds;
    const refused = await vic("cancel", done);
    assert.is(refused.code, 3);
    assert.match(refused.stderr, "TOOL_FORBIDDEN");
    const ended = await ann("cancel", done);
    assert.equal([ended.code, ended.stdout, ended.stderr], [0, "SUCCEEDED\n", `Job ${done} had already ended.\n`]);
    const missing = await ann("cancel", "none");
    assert.is(missing.code, 2);
    assert.match(missing.stderr, "JOB_NOT_FOUND");
  }));

test("instances, keys and numbers", () =>
  withServer({}, async ({ vic }) => {
    const instances = await vic("instances");
    assert.match(
      instances.stdout,
      /^INSTANCE +ROLE +VERSION +ADDRESS +SINCE +RENEWED +RUNNING\n\S+ \(this\) +server +/,
    );
    assert.equal(
      rowsOf(await vic("keys")).map(([, ...cells]) => cells.slice(0, 4)),
      [
        ["app", "active", "-", "*"],
        ["other", "active", "-", "*"],
        ["ann", "active", "operator", "-"],
        ["vic", "active", "viewer", "-"],
      ],
    );
    assert.is(rowsOf(await vic("keys", "--client", "other")).length, 1);
    const { stdout } = await vic("stats");
    assert.match(stdout, /\njobs +0 queued, 0 running, 2 succeeded, 1 failed, 0 cancelled\n/);
    assert.match(stdout, /\nTOOL +QUEUED +RUNNING +SUCCEEDED +FAILED +CANCELLED\nwork +0 +0 +2 +1 +0\n/);
  }));

test("what a server cannot do is told with what to do", () =>
  withServer({}, async ({ ann, jobIds }) => {
    for (const [words, says] of [
      [["revoke", "k_none"], /TOOL_FAILED: This server's key ring is held by its program/],
      [["retire", "k_none", "--grace", "7d"], /TOOL_FAILED: This server's key ring is held by its program/],
      [["audit"], /TOOL_FAILED: This server keeps no audit log/],
      [["job", jobIds[0] ?? "", "--payloads"], /--operator-payloads/],
    ] as const) {
      const { code, stderr } = await ann(...words);
      assert.is(code, 1, words.join(" "));
      assert.match(stderr, says);
    }
  }));

test("lines of the audit log, newest first, by client and action, and no more than asked for", () =>
  withServer({ audit: { to: "audit.jsonl" } }, async ({ ann, vic, jobIds }) => {
    await ann("cancel", jobIds[0] ?? "");
    const shown = await vic("audit", "--client", "ann");
    assert.match(shown.stdout, /^TIME +ACTION +CLIENT +TARGET +OUTCOME +REASON +SOURCE\n/);
    assert.equal(
      rowsOf(shown).map(([, action, clientId, , outcome]) => [action, clientId, outcome]),
      [
        ["operator.end", "ann", "succeeded"],
        ["operator.begin", "ann", "begun"],
      ],
    );
    assert.is(rowsOf(await vic("audit", "--action", "job.end")).length, 3);
    assert.equal(
      rowsOf(await vic("audit", "--job", jobIds[0] ?? "")).map(([, action]) => action),
      ["operator.end", "operator.begin", "job.end", "job.start", "call.end"],
    );
    const [appKey = ""] = rowsOf(await vic("keys", "--client", "app")).map(([keyId]) => keyId);
    const byKey = rowsOf(await vic("audit", "--key", appKey)).map(([, action, clientId]) => `${action} ${clientId}`);
    assert.equal([...new Set(byKey)].sort(), ["call.begin app", "call.end app"]);
    assert.is(rowsOf(await vic("audit", "--since", "2100-01-01T00:00:00Z")).length, 0);
    const [line = ""] = (await vic("audit", "--limit", "1", "--client", "ann", "--json")).stdout.split("\n");
    const { clientId, line: text } = JSON.parse(line);
    assert.equal([clientId, JSON.parse(text).action], ["ann", "operator.end"]);
    assert.match((await vic("audit", "--limit", "1")).stderr, "There are more lines than these 1");
  }));

test("a search of a large audit log goes on to its beginning, although one page reads a part of it only", () =>
  withServer(
    { audit: { to: "audit.jsonl" } },
    async ({ vic }) => {
      const { stdout, stderr } = await vic("audit", "--client", "old");
      assert.equal(
        rowsOf({ code: 0, stdout, stderr }).map(([, action, clientId]) => [action, clientId]),
        [["call.end", "old"]],
      );
      assert.is(stderr, "");
    },
    () => {
      const details = { text: "x".repeat(700) };
      appendLines("audit.jsonl", 20_000, (sequence) => ({
        ...{ ...call(`call-${sequence}`), details },
        client: sequence === 1 ? "old" : "someone",
      }));
    },
  ));

test("a search ends at its limit of short pages, and says that there may be more", async () => {
  let asked = 0;
  const found = await readPages({ limit: 10, pageMost: 5, shortPagesMost: 4 }, async () => {
    asked += 1;
    if (asked > 9) throw new Error("the search has no end");
    return { items: asked === 2 ? ["one"] : [], nextPageToken: "next" };
  });
  assert.equal([asked, found], [4, { items: ["one"], more: true }]);
});

test("full pages do not end a search: it finds as many lines as were asked for", async () => {
  const full = Array.from({ length: 5 }, () => "line");
  const read = async () => ({ items: full, nextPageToken: "next" });
  const { items } = await readPages({ limit: 1_000, pageMost: 5, shortPagesMost: 4 }, read);
  assert.is(items.length, 1_000);
});

test("verify knows what a role permits", () =>
  inFolder(async () => {
    await run(["keys", "add", "vic", "--role", "viewer", "--server-id", "s", "--out", "vic.json"]);
    const toolStep = async (tool: string, json: string) => {
      const { stdout } = await run(["sign", tool, json, "--credentials", "vic.json"]);
      const checked = JSON.parse((await run(["verify", "--json"], { stdin: stdout })).stdout);
      return checked.steps.find(({ step }: { step: string }) => step === "tool");
    };
    assert.equal(await toolStep("list_keys", "{}"), {
      ...{ step: "tool", outcome: "ok", detail: "the key has the role viewer" },
    });
    assert.is((await toolStep("revoke_key", '{"keyId": "k_1"}')).outcome, "failed");
    assert.is((await toolStep("batch_sum", '{"numbers": [1]}')).outcome, "failed");
  }));

test.run();
