// test-limit-ms: 240000
import { execFileSync } from "node:child_process";
import { chownSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgresStore } from "../../../../src/store/postgres/open.ts";
import { run } from "../../../cli/cli-run.ts";
import { nonceClaim, spec } from "../../../contract/store-under-test.ts";
import { eventually } from "../../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../../support/postgres-server.ts";
import { rejection } from "../../../support/rejection.ts";
import { assert, suite } from "../../../support/suite.ts";
import { TcpLink } from "../../../support/tcp-link.ts";

const test = suite("store/postgres/connection/hosts");

let opened: AsyncDisposableStack;

/** A store at whichever of the ports takes writes. */
function urlOf(ports: readonly number[], query = ""): string {
  return `postgres://sealwire@${ports.map((port) => `127.0.0.1:${port}`).join(",")}/postgres?schema=hosts${query}`;
}

async function pair(): Promise<{ primary: PostgresServer; standby: PostgresServer }> {
  const primary = opened.use(await PostgresServer.start());
  const standby = opened.use(await primary.startStandby());
  return { primary, standby };
}

if (hasPostgres(test)) {
  test.before.each(() => {
    opened = new AsyncDisposableStack();
  });
  test.after.each(() => opened.disposeAsync());

  test("a host that is a standby is passed over by every command, and found once it is promoted", async () => {
    const { primary, standby } = await pair();
    const url = urlOf([standby.port, primary.port], "&target_session_attrs=read-write");
    const env = { SEALWIRE_STORE: url };
    const migrated = await run(["store", "migrate"], { env });
    assert.is(migrated.code, 0, migrated.stderr);
    assert.match((await run(["keys", "list", "--server-secret-file", "x"], { env })).stderr, "no key ring");

    const store = opened.use(await openPostgresStore({ url }));
    await eventually("the standby has it", () => store.replay.claim(nonceClaim(Date.now(), "before")));
    const ran = Promise.withResolvers<void>();
    const echo = async () => {
      ran.resolve();
      return Buffer.from("done");
    };
    await store.jobs.work(new Map([["echo", echo]]), { concurrency: 1 });
    primary.crash();
    standby.promote();
    const job = await eventually("a job is taken", () => store.jobs.submit(spec()).catch(() => undefined));
    await ran.promise;
    await eventually("it ended", async () => {
      const view = await store.jobs.get("alice", job.job.jobId).catch(() => undefined);
      return view?.state === "SUCCEEDED";
    });
  });

  test("a standby alone is refused as passing, and says what it is", async () => {
    const { primary, standby } = await pair();
    assert.is((await run(["store", "migrate"], { env: { SEALWIRE_STORE: urlOf([primary.port]) } })).code, 0);
    const { message } = await rejection("UNAVAILABLE", openPostgresStore({ url: urlOf([standby.port]) }));
    assert.match(message, `127.0.0.1:${standby.port} is a standby`);
    const both = await rejection("UNAVAILABLE", openPostgresStore({ url: urlOf([standby.port, 1]) }));
    assert.match(both.message, "is a standby");
    assert.match(both.message, "127.0.0.1:1: ");
  });

  test("a primary that is set to take no writes is passed over for read-write, not for primary", async () => {
    const { primary } = await pair();
    assert.is((await run(["store", "migrate"], { env: { SEALWIRE_STORE: urlOf([primary.port]) } })).code, 0);
    await using client = await primary.connect("hosts");
    await client.query("ALTER DATABASE postgres SET default_transaction_read_only = on");
    const { message } = await rejection("UNAVAILABLE", openPostgresStore({ url: urlOf([primary.port]) }));
    assert.match(message, "is read-only");
    const keys = ["keys", "list", "--server-secret-file", "x"];
    const env = { SEALWIRE_STORE: urlOf([primary.port], "&target_session_attrs=primary") };
    assert.match((await run(keys, { env })).stderr, "no key ring");
  });

  test("a host that answers nothing holds the next one up for connect_timeout only", async () => {
    const { primary } = await pair();
    await using silent = await TcpLink.to(primary.port);
    silent.hold();
    const url = urlOf([silent.port, primary.port], "&connect_timeout=1");
    const startedAt = performance.now();
    assert.is((await run(["store", "migrate"], { env: { SEALWIRE_STORE: url } })).code, 0);
    assert.ok(performance.now() - startedAt < 10_000);
    silent.release();
  });

  test("with TLS each host must show a certificate of its own name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-hosts-"));
    opened.defer(() => rmSync(folder, { recursive: true }));
    const certificate = [join(folder, "server.crt"), join(folder, "server.key")] as const;
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const files = ["-keyout", certificate[1], "-out", certificate[0]];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...name, ...files], { stdio: "pipe" });
    const { primary } = await pair();
    for (const file of certificate) {
      const copy = join(primary.socketFolder, file.endsWith(".key") ? "server.key" : "server.crt");
      cpSync(file, copy);
      if (process.getuid?.() === 0) chownSync(copy, 65534, 65534);
    }
    const [cert, key] = ["server.crt", "server.key"].map((each) => join(primary.socketFolder, each));
    primary.configure(`ssl = on\nssl_cert_file = '${cert}'\nssl_key_file = '${key}'`);
    const at = (hosts: string, query: string) => `postgres://sealwire@${hosts}/postgres?schema=hosts&${query}`;
    const verified = `sslmode=verify-full&sslrootcert=${certificate[0]}`;
    const migrate = (url: string) => run(["store", "migrate"], { env: { SEALWIRE_STORE: url } });
    const good = await eventually("TLS is on", async () => {
      const ended = await migrate(at(`localhost:${primary.port}`, verified));
      return ended.code === 0 ? ended : undefined;
    });
    assert.is(good.code, 0);
    const second = await migrate(at(`127.0.0.1:${primary.port},localhost:${primary.port}`, verified));
    assert.is(second.code, 0, second.stderr);
    const wrongName = await migrate(at(`127.0.0.1:${primary.port}`, verified));
    assert.is(wrongName.code, 2, wrongName.stderr);
    assert.match(wrongName.stderr, "certificate");
    const untrusted = await migrate(at(`localhost:${primary.port}`, "sslmode=verify-full"));
    assert.is(untrusted.code, 2, untrusted.stderr);
    assert.is((await migrate(at(`127.0.0.1:${primary.port}`, verified.replace("full", "ca")))).code, 0);
    assert.is((await migrate(at(`127.0.0.1:${primary.port}`, "sslmode=require"))).code, 0);
  });
}

test.run();
