// test-limit-ms: 1200000
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { eventually } from "../../support/eventually.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { LANGUAGES, type Language, PROGRAMS } from "./archive-build.ts";
import { ArchiveClient, encodeRequest, listServices, type Method, SERVICE, watchHealth } from "./archive-client.ts";
import { type Archive, refusedStart, startArchive } from "./archive-process.ts";

const METADATA = {
  "sealwire-client-id": "alice",
  "sealwire-request-id": "request-1",
  "sealwire-tool": "count_words",
  "sealwire-server-id": "sealwire-test",
  "sealwire-job-id": "job-1",
  "sealwire-attempt": "2",
  "sealwire-idempotency-key": "job-1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

const BAD: readonly (readonly [Method, JsonValue, RegExp])[] = [
  ["AddNote", { text: "" }, /^text: /],
  ["AddNote", { text: "é".repeat(1001) }, /^text: /],
  ["CountWords", { text: "a".repeat(10_001) }, /^text: /],
  ["CountWords", { pause: "-1s" }, /^pause: /],
  ["CountWords", { pause: "60.000000001s" }, /^pause: /],
  ["HashPages", { pages: 0 }, /^pages: /],
  ["HashPages", { pages: 10_001 }, /^pages: /],
  ["HashPages", { pages: 1, pause: "61s" }, /^pause: /],
];

for (const language of LANGUAGES) testArchive(language);

function testArchive(language: Language): void {
  const test = suiteWith(PROGRAMS[language], `interop/upstream/archive ${language}`);
  let archive: Archive;
  let client: ArchiveClient;

  test.before(async () => {
    archive = await startArchive(language);
    client = new ArchiveClient(archive.address);
  });
  test.after(async () => {
    client?.[Symbol.dispose]();
    await archive?.[Symbol.asyncDispose]();
  });

  test("a unary job answers after its pause, and the log tells of both ends of the call", async () => {
    const { code, details, messages } = await client.call(
      "CountWords",
      { text: " three short\nwords ", pause: "0.05s" },
      { metadata: METADATA, deadlineMs: 30_000 },
    );
    assert.is(code, status.OK, details);
    assert.equal(messages, [{ words: "3" }]);
    const { deadline_ms: deadlineMs, ...begun } = await eventually("its line", () => archive.begun.at(-1));
    assert.equal(begun, {
      method: "CountWords",
      client: "alice",
      request: "request-1",
      tool: "count_words",
      server: "sealwire-test",
      job: "job-1",
      attempt: 2,
      key: "job-1",
      traceparent: METADATA.traceparent,
    });
    assert.ok(deadlineMs !== undefined && deadlineMs > 0 && deadlineMs <= 30_000, `${deadlineMs}`);
    const ended = await eventually("its end", () => archive.ended.at(-1));
    assert.equal(ended, { method: "CountWords", request: "request-1", job: "job-1", attempt: 2, ended: "OK" });
  });

  test("a streaming job reports each page, then the hash", async () => {
    const { messages, code, details } = await client.call("HashPages", { pages: 3, pause: "0.01s" });
    assert.is(code, status.OK, details);
    const sha256 = createHash("sha256").update("page 1\npage 2\npage 3\n").digest("hex");
    const progress = (page: number) => ({ progress: { completed: `${page}`, total: "3", message: `page ${page}` } });
    assert.equal(messages, [progress(1), progress(2), progress(3), { sha256 }]);
    assert.equal(archive.begun.at(-1), { method: "HashPages" });
  });

  test("a sync tool adds a note once for each key", async () => {
    const add = async (text: string, key?: string) => {
      const metadata = key === undefined ? {} : { "sealwire-idempotency-key": key };
      const { messages, code, details } = await client.call("AddNote", { text }, { metadata });
      assert.is(code, status.OK, details);
      return messages;
    };
    assert.equal(await add("one\nnote, süß 🦭", "k1"), [{ number: "1" }]);
    assert.equal(await add("one\nnote, süß 🦭", "k1"), [{ number: "1" }]);
    assert.equal(await add("another", "k2"), [{ number: "2" }]);
    assert.equal(await add("without a key"), [{ number: "3" }]);
    assert.equal(await add("without a key"), [{ number: "4" }]);
    assert.equal(
      (await archive.notes()).map(({ text }) => text),
      ["one\nnote, süß 🦭", "another", "without a key", "without a key"],
    );
  });

  test("arguments outside of the contract are refused with the name of the field", async () => {
    for (const [method, json, message] of BAD) {
      const { code, details } = await client.call(method, json);
      assert.is(code, status.INVALID_ARGUMENT, `${method} ${JSON.stringify(json)}: ${details}`);
      assert.match(details, message);
    }
    assert.equal(archive.ended.at(-1), { method: "HashPages", ended: "INVALID_ARGUMENT" });
  });

  for (const [method, json] of [
    ["CountWords", { text: "a", pause: "60s" }],
    ["HashPages", { pages: 9, pause: "60s" }],
  ] as const) {
    test(`a cancelled ${method} ends at once`, async () => {
      const metadata = { "sealwire-request-id": `cancelled ${method}` };
      const call = client.open(method, encodeRequest(method, json), { metadata });
      await eventually("its begin", () => archive.begun.some(({ request }) => request === `cancelled ${method}`));
      call.cancel();
      assert.is((await call.answer).code, status.CANCELLED);
      const ended = await eventually("its end", () =>
        archive.ended.find(({ request }) => request === `cancelled ${method}`),
      );
      assert.is(ended.ended, "CANCELLED");
    });
  }

  test("a call past its deadline ends", async () => {
    const options = { metadata: { "sealwire-request-id": "late" }, deadlineMs: 300 };
    const { code } = await client.call("CountWords", { text: "a", pause: "60s" }, options);
    // tonic cancels a call at its deadline, and its answer may come before the time-out here.
    const ends: readonly number[] =
      language === "rust" ? [status.DEADLINE_EXCEEDED, status.CANCELLED] : [status.DEADLINE_EXCEEDED];
    assert.ok(ends.includes(code), String(code));
    const { ended } = await eventually("its end", () => archive.ended.find(({ request }) => request === "late"));
    assert.ok(["CANCELLED", "DEADLINE_EXCEEDED"].includes(ended), ended);
  });

  test("reflection lists the service", async () => {
    assert.ok((await listServices(archive.address)).includes(SERVICE));
  });

  test("a note whose call was killed before the answer is not added again, on the same socket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-archive-"));
    const note = { text: "killed" };
    const metadata = { "sealwire-idempotency-key": "killed" };
    const first = await startArchive(language, { folder, pauseAfterEffectMs: 60_000 });
    {
      using before = new ArchiveClient(first.address);
      const { answer } = before.open("AddNote", encodeRequest("AddNote", note), { metadata });
      await eventually("the note", async () => (await first.notes()).length === 1);
      await first.kill("SIGKILL");
      assert.is((await answer).code, status.UNAVAILABLE);
    }
    await using second = await startArchive(language, { folder });
    using after = new ArchiveClient(second.address);
    assert.equal((await after.call("AddNote", note, { metadata })).messages, [{ number: "1" }]);
    assert.equal((await after.call("AddNote", { text: "next" })).messages, [{ number: "2" }]);
    assert.is((await second.notes()).length, 2);
  });

  test("SIGTERM ends open calls with UNAVAILABLE and the process with 0, after NOT_SERVING", async () => {
    await using stopped = await startArchive(language, { pauseAfterEffectMs: 60_000 });
    using caller = new ArchiveClient(stopped.address);
    const health = ["", SERVICE].map((service) => watchHealth(stopped.address, service));
    await eventually("its health", () => health.every((seen) => seen.length === 1));
    const calls = [
      caller.call("AddNote", { text: "open" }),
      caller.call("CountWords", { text: "a", pause: "60s" }),
      caller.call("HashPages", { pages: 2, pause: "60s" }),
    ];
    await eventually("the calls", () => stopped.begun.length === calls.length);
    await eventually("the note", async () => (await stopped.notes()).length === 1);
    assert.is(await stopped.kill("SIGTERM"), 0);
    for (const { code, details } of await Promise.all(calls)) {
      assert.equal([code, details], [status.UNAVAILABLE, "the server is stopping"]);
    }
    assert.equal(health, [
      ["SERVING", "NOT_SERVING"],
      ["SERVING", "NOT_SERVING"],
    ]);
    assert.equal(
      stopped.ended.map(({ ended }) => ended),
      calls.map(() => "UNAVAILABLE"),
    );
  });

  if (language === "go") {
    test("gofmt would change nothing", () => {
      const sources = join(import.meta.dirname, "..", "..", "..", "examples", "upstream-go");
      assert.is(execFileSync("gofmt", ["-l", sources], { encoding: "utf8" }), "");
    });
  }

  test("TCP without assertions, other addresses and a folder that others can enter are refused", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-archive-"));
    const notes = ["--notes", join(folder, "notes.jsonl")];
    await chmod(folder, 0o755);
    try {
      const start = (...listen: readonly string[]) => refusedStart(language, [...listen, ...notes]);
      assert.match(await start("--listen", "127.0.0.1:0"), /--jwks/);
      assert.match(await start("--listen", "0.0.0.0:0"), /unix:PATH/);
      assert.match(await start("--listen", `unix:${join(folder, "a.sock")}`), /chmod 700/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.run();
}
