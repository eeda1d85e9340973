import { SealwireError } from "../../../../src/errors.ts";
import { readTarget, showHost } from "../../../../src/store/postgres/connection/connection.ts";
import { run } from "../../../cli/cli-run.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/postgres/connection/store-url");

const ROOT = "/etc/hostname";

/** How `store migrate` refuses a URL; nothing is connected to. */
async function refusal(store: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stderr } = await run(["store", "migrate", "--store", store], { env });
  assert.is(code, 2, `${store}: ${stderr}`);
  return stderr;
}

function hostsOf(store: string, env = {}): string[] {
  return readTarget(store, env).hosts.map(showHost);
}

function refused(store: string, env: Readonly<Record<string, string>>): string {
  try {
    readTarget(store, env);
  } catch (thrown) {
    if (thrown instanceof SealwireError && thrown.reason === "OPTIONS_INVALID") return thrown.message;
    throw thrown;
  }
  throw new Error(`${store} is accepted`);
}

test("an unknown parameter is refused and the nearest known one is named", async () => {
  for (const [parameter, near] of [
    ["sslmod=verify-full", "Did you mean sslmode?"],
    ["ssl_mode=verify-full", "Did you mean sslmode?"],
    ["SSLMODE=verify-full", "Did you mean sslmode?"],
    ["sslrootcerts=x", "Did you mean sslrootcert?"],
    ["shema=x", "Did you mean schema?"],
    ["target_session_attr=primary", "Did you mean target_session_attrs?"],
    ["uselibpqcompat=true", "Known are schema, host"],
    ["ssl=true", "Known are"],
    ["application_name=x", "Known are"],
    ["options=-c", "may not set options"],
    ["sslmode", "is empty"],
    ["toString=1", "not known"],
  ] as const) {
    assert.match(await refusal(`postgres://127.0.0.1:1/d?${parameter}`), near);
  }
});

test("a value that a parameter cannot have is refused", async () => {
  for (const [query, what] of [
    ["sslmode=verify_full", "Did you mean verify-full?"],
    ["sslmode=VERIFY-FULL", 'cannot be "VERIFY-FULL"'],
    ["sslmode=prefer", "It may fall back to plaintext"],
    ["sslmode=allow", "It may fall back to plaintext"],
    ["sslmode=require&sslmode=disable", "sslmode twice"],
    ["schema=A", "small letters"],
    ["schema=a%22b", "small letters"],
    ["connect_timeout=0", "1 to 60 seconds"],
    ["connect_timeout=61", "1 to 60 seconds"],
    ["target_session_attrs=any", "The store needs write access"],
    ["target_session_attrs=read-only", "The store needs write access"],
    ["target_session_attrs=readwrite", "Did you mean read-write?"],
    ["host=other", "host twice"],
    ["port=1,2,3", "3 ports for 1 hosts"],
    ["port=2", "port twice"],
    ["user=u", "user twice"],
    ["dbname=e", "dbname twice"],
    [`sslrootcert=${ROOT}`, "with sslmode=verify-full"],
    [`sslmode=require&sslrootcert=${ROOT}`, "with sslmode=verify-full"],
    ["sslmode=verify-full&sslrootcert=/nowhere", "sslrootcert cannot be read"],
    [`sslmode=verify-full&sslcert=${ROOT}`, "Set both sslcert and sslkey"],
    [`sslcert=${ROOT}&sslkey=${ROOT}`, "no effect without TLS"],
  ] as const) {
    assert.match(await refusal(`postgres://u@127.0.0.1:1/d?${query}`), what, query);
  }
  for (const store of [
    "postgres://h:0/d",
    "postgres://h:65536/d",
    "postgres://a,,b/d",
    "postgres://h/d#x",
    "postgres://h/a/b",
  ]) {
    await refusal(store);
  }
  assert.match(await refusal("postgres://h/d?port=70000"), "does not exist");
});

test("hosts are listed in the URL, as parameters or in the environment", () => {
  assert.equal(hostsOf("postgres://u:p@one:5433,two,[::1]:5434/d"), ["one:5433", "two:5432", "[::1]:5434"]);
  assert.equal(hostsOf("postgres:///d?host=one,two&port=1,2"), ["one:1", "two:2"]);
  assert.equal(hostsOf("postgres:///d?host=one,two&port=7"), ["one:7", "two:7"]);
  assert.equal(hostsOf("postgres:///d", { PGHOST: "one,two", PGPORT: "1,2" }), ["one:1", "two:2"]);
  assert.equal(hostsOf("postgres://three/d", { PGHOST: "one,two", PGPORT: "1,2" }), ["three:5432"]);
  assert.equal(hostsOf("postgres:///d?host=%2Fvar%2Frun"), ["/var/run:5432"]);
  assert.equal(hostsOf("postgresql:///d"), ["localhost:5432"]);
  assert.is(readTarget("postgres://u:sesame@one,two:1/d", {}).shown, "one:5432,two:1/d");
});

test("each parameter has an effect", () => {
  const { config, schema, needsWritable } = readTarget(
    `postgres:///?host=h&port=1&user=u%40&password=p%2F&dbname=d&schema=s&connect_timeout=7&target_session_attrs=primary&sslmode=verify-ca&sslrootcert=${ROOT}&sslcert=${ROOT}&sslkey=${ROOT}`,
    {},
  );
  assert.equal([config.user, config.password, config.database, schema], ["u@", "p/", "d", "s"]);
  assert.is(config.connectionTimeoutMillis, 7_000);
  assert.is(needsWritable, false);
  const tls = config.ssl;
  if (typeof tls !== "object") throw new Error("no TLS");
  assert.ok(tls.ca && tls.cert && tls.key && tls.rejectUnauthorized);
  assert.is(tls.checkServerIdentity?.("other", {} as never), undefined);
  const full = readTarget("postgres://h/d?sslmode=verify-full", {}).config.ssl;
  assert.equal(full, { rejectUnauthorized: true });
  assert.equal(readTarget("postgres://h/d?sslmode=require", {}).config.ssl, { rejectUnauthorized: false });
  assert.is(readTarget("postgres://h/d?sslmode=disable", {}).config.ssl, false);
  assert.is(readTarget("postgres://h/d", {}).config.ssl, false);
});

test("what the environment says is checked as the URL is, and counts less", () => {
  assert.equal(readTarget("postgres://h/d", { PGSSLMODE: "verify-full" }).config.ssl, { rejectUnauthorized: true });
  assert.is(readTarget("postgres://h/d?sslmode=disable", { PGSSLMODE: "verify-full" }).config.ssl, false);
  assert.match(refused("postgres://h/d", { PGSSLMODE: "verify_full" }), "PGSSLMODE");
  assert.match(refused("postgres://h/d", { PGSSLMODE: "prefer" }), "It may fall back to plaintext");
  assert.match(refused("postgres://h/d", { PGTARGETSESSIONATTRS: "any" }), "PGTARGETSESSIONATTRS");
});

test.run();
