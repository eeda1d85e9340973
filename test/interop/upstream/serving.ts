import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import type { SealwireClient } from "../../../src/client/client.ts";
import type { JobSnapshot } from "../../../src/client/jobs/job-snapshot.ts";
import type { Reason, SealwireError } from "../../../src/errors.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { outputBytes } from "../../../src/tools/handler.ts";
import { implement } from "../../../src/tools/implement.ts";
import { formatKeys, newKeys, publicKeys, rotateKeys } from "../../../src/upstream/assertion-keys.ts";
import type { UpstreamOptions } from "../../../src/upstream/options.ts";
import { imageWith, messageDesc } from "../../../src/wire/descriptors.ts";
import { buildDescriptors } from "../../support/build-descriptors.ts";
import { eventually } from "../../support/eventually.ts";
import { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer, type TestServer } from "../../support/running-server.ts";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { type Language, PROGRAMS } from "./archive-build.ts";
import { SERVICE } from "./archive-client.ts";
import { type Archive, startArchive } from "./archive-process.ts";

/* The examples behind a server: what a tool of an ordinary gRPC server does for callers who sign. */

const descriptors = buildDescriptors(join(import.meta.dirname, "..", "..", "..", "examples", "upstream-contract"));
const image = imageWith([descriptors]);
const ONCE = { retry: { maxAttempts: 1 } } as const;
/** Number of jobs that a drain hands back. */
const JOBS = 50;
/** How long an upstream is away. */
const AWAY_MS = Number(process.env.SEALWIRE_AWAY_SECONDS ?? 5) * 1_000;
/** What no answer may contain: addresses, paths and texts of the transport. */
const INSIDE =
  /\.sock|\/tmp\/|127\.0\.0\.1|ECONN|EPIPE|UNAVAILABLE:|connection dropped|RST_STREAM|grpc\.|Traceback|panic/i;

/** Defines and runs the suite for one language. */
export function testServing(language: Language): void {
  const test = suiteWith(PROGRAMS[language], `interop/upstream/serving ${language}`);
  /** The texts of all failures that callers were told. */
  const told: string[] = [];
  let archive: Archive;
  let server: TestServer;
  let client: SealwireClient;

  const upstreamOf = (
    { address }: Pick<Archive, "address">,
    options: Partial<UpstreamOptions> = {},
  ): UpstreamOptions => ({
    name: "archive",
    address,
    descriptors,
    ...options,
  });

  const refused = async (reason: Reason, call: Promise<unknown>): Promise<SealwireError> => {
    const error = await rejection(reason, call);
    told.push(JSON.stringify([error.message, error.violations, error.details]));
    return error;
  };

  const serving = async (of: TestServer, expected = "SERVING"): Promise<void> => {
    const asking = of.client();
    await eventually(`health ${expected}`, async () => (await asking.health(SERVICE)) === expected);
  };

  const startJob = async (tool: string, args: Record<string, JsonValue>, by = client) => {
    const { job } = await by.call(tool, args);
    return by.job(job?.jobId ?? "");
  };

  test.before(async () => {
    archive = await startArchive(language);
    server = await startServer({ tools: [], upstreams: [upstreamOf(archive)] });
    client = server.client();
    await serving(server);
  });
  test.after(async () => {
    await server?.[Symbol.asyncDispose]();
    await archive?.[Symbol.asyncDispose]();
  });

  test("results are those of a tool in TypeScript, byte for byte", async () => {
    const bytes = {
      decode: (input: Uint8Array) => input,
      encode: (message: Uint8Array) => ({ finish: () => message }),
    };
    const method = (name: string, responseStream: boolean) =>
      ({ name, requestType: bytes, responseType: bytes, requestStream: false, responseStream, options: {} }) as const;
    const encoded = (type: string, json: JsonValue) => {
      const desc = messageDesc(image, `archive.v1.${type}`);
      return outputBytes(toBinary(desc, fromJson(desc, json)));
    };
    const methods = {
      addNote: method("AddNote", false),
      countWords: method("CountWords", false),
      hashPages: method("HashPages", true),
    };
    const own = implement({ name: "ArchiveToolService", fullName: SERVICE, methods }, {
      addNote: () => encoded("AddNoteResponse", { number: "1" }),
      countWords: () => encoded("CountWordsResponse", { words: "3" }),
      hashPages: async function* () {
        yield encoded("HashPagesResponse", { sha256: "7c3b4a8a" });
      },
    } as never);
    await using other = await startServer({ tools: [own], descriptors: [descriptors] });
    const [here, there] = [client, other.client()];
    const added = await Promise.all([here, there].map((each) => each.call("add_note", { text: "first" })));
    assert.equal(added[0]?.outputBytes, added[1]?.outputBytes);
    const counted = await Promise.all(
      [here, there].map(async (each) => (await startJob("count_words", { text: "a b c" }, each)).result()),
    );
    assert.equal(counted[0]?.value, counted[1]?.value);
  });

  test("invalid arguments never reach the upstream", async () => {
    const before = archive.begun.length;
    await refused("ARGS_INVALID", client.call("add_note", { text: "" }));
    await refused("ARGS_INVALID", client.call("count_words", { text: "x", pause: "61s" }));
    assert.is(archive.begun.length, before);
  });

  test("the upstream is told who calls, for which intent, and how long it has; nothing that a caller forges arrives", async () => {
    const desc = messageDesc(image, "archive.v1.AddNoteRequest");
    using raw = new RawClient(server.address, server.credentials());
    const metadata = new Metadata();
    for (const name of ["client-id", "request-id", "tool", "job-id", "idempotency-key", "assertion", "server-id"])
      metadata.set(`sealwire-${name}`, "forged");
    metadata.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    const value = toBinary(desc, fromJson(desc, { text: "raw" }));
    const { code } = await raw.call(
      { tool: "add_note", type: desc.typeName, value, requestId: "of-the-test" },
      metadata,
    );
    assert.is(code, 0);
    const { deadline_ms: _, key, ...begun } = await eventually("its line", () => archive.begun.at(-1));
    assert.equal(begun, {
      method: "AddNote",
      client: "alice",
      request: "of-the-test",
      tool: "add_note",
      server: "test-server",
      attempt: 1,
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    assert.match(String(key), /^[0-9a-f]{64}$/);
    const beganMs = performance.now();
    await client.call("add_note", { text: "timed" }, { timeoutMs: 20_000 });
    const tookMs = performance.now() - beganMs;
    const { deadline_ms: deadlineMs = 0 } = archive.begun.at(-1) ?? {};
    assert.ok(deadlineMs > 20_000 - 100 - tookMs && deadlineMs <= 20_000 + 100, `${deadlineMs} after ${tookMs}`);
    const job = await startJob("count_words", { text: "one" });
    await job.result();
    const ofJob = archive.begun.at(-1);
    assert.equal([ofJob?.job, ofJob?.key, ofJob?.attempt], [job.jobId, job.jobId, 1]);
    assert.ok((ofJob?.deadline_ms ?? 0) > 100_000 && (ofJob?.deadline_ms ?? 0) <= 120_000);
  });

  test("a streaming job shows its progress to who watches, then its end", async () => {
    const job = await startJob("hash_pages", { pages: 6, pause: "0.3s" });
    const seen: JobSnapshot[] = [];
    for await (const snapshot of job.watch()) seen.push(snapshot);
    const completed = seen.map(({ progress }) => progress?.completed ?? 0).filter((count) => count > 0);
    assert.ok(new Set(completed).size >= 3, String(completed));
    assert.equal(
      completed,
      completed.toSorted((one, two) => one - two),
    );
    assert.is(seen.at(-1)?.state, "SUCCEEDED");
    assert.match(JSON.stringify(await (await job.result()).json()), /^\{"sha256":"[0-9a-f]{64}"\}$/);
  });

  test("a cancelled job is cancelled at the upstream", async () => {
    const job = await startJob("hash_pages", { pages: 100, pause: "1s" });
    await eventually("it runs", () => archive.begun.some((call) => call.job === job.jobId));
    const beganMs = performance.now();
    await job.cancel();
    const ended = await eventually("the upstream sees it", () => archive.ended.find((call) => call.job === job.jobId));
    assert.is(ended.ended, "CANCELLED");
    assert.ok(performance.now() - beganMs < 1_000);
    await refused("CANCELLED", job.result());
  });

  test("an upstream that is killed in mid-job costs one attempt; a job waits for one that is away, without a failure", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-archive-"));
    let mortal = await startArchive(language, { folder });
    await using own = await startServer({ tools: [], upstreams: [upstreamOf(mortal)] });
    await serving(own);
    const by = own.client();
    const job = await startJob("count_words", { text: "to be counted", pause: "1s" }, by);
    await eventually("it runs", () => mortal.begun.length === 1);
    await mortal.kill("SIGKILL");
    await eventually("the attempt has failed", async () => (await job.poll()).error !== undefined);
    const failed = await job.poll();
    told.push(JSON.stringify(failed.error));
    assert.is(failed.error?.reason, "UNAVAILABLE");
    await serving(own, "NOT_SERVING");
    const waiting = await startJob("count_words", { text: "later" }, by);
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    assert.equal([(await waiting.poll()).state, (await waiting.poll()).error], ["QUEUED", undefined]);
    mortal = await startArchive(language, { folder });
    assert.equal(await (await job.result()).json(), { words: "3" });
    assert.equal(await (await waiting.result()).json(), { words: "1" });
    assert.is((await job.poll()).attempt, 2);
    assert.is(mostFailures(own), 1);
    await mortal[Symbol.asyncDispose]();
  });

  for (const deduplicates of [false, true]) {
    test(`an upstream that is killed between effect and answer: ${deduplicates ? "the same request ends, with one effect" : "the outcome is unknown, and nothing is repeated"}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "sealwire-archive-"));
      const first = await startArchive(language, { folder, pauseAfterEffectMs: 60_000 });
      await using own = await startServer({ tools: [], upstreams: [upstreamOf(first, { deduplicates })] });
      await serving(own);
      const by = own.client("alice", ONCE);
      const call = () => by.call("add_note", { text: "an effect" }, { requestId: "one" });
      const lost = refused(deduplicates ? "UNAVAILABLE" : "OUTCOME_UNKNOWN", call());
      await eventually("the effect", async () => first.begun.length === 1 && (await first.notes()).length === 1);
      await first.kill("SIGKILL");
      await lost;
      await using second = await startArchive(language, { folder });
      await serving(own, "SERVING");
      if (deduplicates) {
        await eventually("it serves again", async () => (await call().catch(() => undefined))?.ok);
        assert.equal(await (await call()).output?.json(), { number: "1" });
      } else {
        await refused("OUTCOME_UNKNOWN", call());
        assert.is(second.begun.length, 0);
      }
      assert.is((await second.notes()).length, 1);
    });
  }

  test("a server starts without its upstream, and serves it seconds after its start", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-archive-"));
    const address = `unix:${join(folder, "archive.sock")}`;
    const beganMs = performance.now();
    await using own = await startServer({ tools: [], upstreams: [upstreamOf({ address })] });
    const by = own.client("alice", ONCE);
    assert.is(await by.health(""), "SERVING");
    assert.ok(performance.now() - beganMs < 2_000);
    assert.is(await by.health(SERVICE), "NOT_SERVING");
    await refused("UNAVAILABLE", by.call("add_note", { text: "too early" }));
    await using late = await startArchive(language, { folder });
    const startedMs = performance.now();
    await serving(own);
    assert.ok(performance.now() - startedMs < 6_000);
    assert.ok((await by.call("add_note", { text: "now" })).ok);
    assert.is((await late.notes()).length, 1);
  });

  test("an upstream on a port takes the assertions that the server signs, also while their key is rotated", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-keys-"));
    const [keyPath, jwks] = [join(folder, "keys.json"), join(folder, "jwks.json")];
    let keys = await newKeys();
    const publish = (): void => writeFileSync(jwks, JSON.stringify(publicKeys(keys)));
    const sign = (): void => writeFileSync(keyPath, formatKeys(keys), { mode: 0o600 });
    publish();
    sign();
    await using guarded = await startArchive(language, { assertion: { jwks, audience: "archive" } });
    const assertion = { audience: "archive", keyPath };
    await using own = await startServer({ tools: [], upstreams: [upstreamOf(guarded, { assertion })] });
    await serving(own);
    const by = own.client("alice", ONCE);
    const add = async (text: string) => assert.ok((await by.call("add_note", { text })).ok);
    await add("by the first key");
    await (await startJob("count_words", { text: "a job, too" }, by)).result();
    await (await startJob("hash_pages", { pages: 1 }, by)).result();
    ({ keys } = await rotateKeys(keys));
    publish();
    sign();
    await own.server.reload();
    await add("still by the first key");
    ({ keys } = await rotateKeys(keys));
    sign();
    await own.server.reload();
    await add("by the second key");
    publish();
    await add("by the second key, the first still being published");
    rmSync(folder, { recursive: true });
  });

  test(`SIGTERM of the upstream under ${JOBS} jobs costs none of them a failure`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-archive-"));
    const first = await startArchive(language, { folder });
    const options = { tools: [], upstreams: [upstreamOf(first)], work: { concurrency: JOBS } };
    await using own = await startServer(options);
    await serving(own);
    const by = own.client();
    const jobs = await Promise.all(
      Array.from({ length: JOBS }, () => startJob("count_words", { text: "three little words", pause: "2s" }, by)),
    );
    await eventually("all run", () => first.begun.length === JOBS);
    await first.kill("SIGTERM");
    await using second = await startArchive(language, { folder });
    for (const job of jobs) assert.equal(await (await job.result()).json(), { words: "3" });
    assert.ok(second.begun.length >= JOBS);
    assert.is(mostFailures(own), 0);
  });

  test(`a drain of the server under ${JOBS} jobs costs none of them a failure`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-store-"));
    const path = join(folder, "store.db");
    const options = { tools: [], upstreams: [upstreamOf(archive)], work: { concurrency: JOBS } };
    const before = archive.begun.length;
    {
      await using store = await openSqliteStore({ path });
      await using first = await startServer({ ...options, store });
      await serving(first);
      const by = first.client();
      await Promise.all(Array.from({ length: JOBS }, () => startJob("count_words", { text: "x", pause: "2s" }, by)));
      await eventually("all run", () => archive.begun.length === before + JOBS);
      await first.server.drain(5_000);
    }
    assert.ok(archive.ended.slice(before).every(({ ended }) => ended === "CANCELLED" || ended === "OK"));
    await using store = await openSqliteStore({ path });
    await using second = await startServer({ ...options, store });
    await eventually("all have ended", async () => (await store.jobs.stats()).byState.SUCCEEDED === JOBS);
    assert.is(mostFailures({ ...second, folder }), 0);
    rmSync(folder, { recursive: true });
  });

  test("no answer tells of addresses, paths or texts of the transport", () => {
    assert.ok(told.length >= 7);
    assert.equal(
      told.filter((text) => INSIDE.test(text)),
      [],
    );
  });

  test.run();
}

/** The largest number of failures that a job in the store has. */
function mostFailures({ folder }: Pick<TestServer, "folder">): number {
  using db = new DatabaseSync(join(folder, "store.db"), { readOnly: true });
  return Number(db.prepare("SELECT max(failures) AS most FROM job").get()?.most);
}
