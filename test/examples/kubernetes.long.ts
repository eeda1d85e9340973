// test-limit-ms: 600000
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { sealwire } from "../cli/cli-process.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { whyNotConfined } from "./confined.ts";
import { Image, pageCommands } from "./image.ts";

const test = suite("examples/kubernetes, live");

const folder = join(import.meta.dirname, "..", "..", "examples", "kubernetes");

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

interface Probe {
  readonly exec: { readonly command: readonly string[] };
}

/** The containers of the manifests by their names. */
async function containers(): Promise<ReadonlyMap<string, Container>> {
  const texts = await Promise.all(
    ["sealwire.yaml", "migrate.yaml"].map((name) => readFile(join(folder, name), "utf8")),
  );
  const specs = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS().spec.template?.spec));
  return new Map(specs.flatMap((spec) => (spec?.containers ?? []).map((each: Container) => [each.name, each])));
}

/** The words of the one command on the page that begins so. */
async function pageWords(start: string): Promise<string[]> {
  const [command = ""] = (await pageCommands("kubernetes")).filter((line) => line.startsWith(start));
  assert.ok(command !== "", start);
  return command.split(/\s+/).map((word) => word.replaceAll("'", ""));
}

const name = "what manifests and page say prepares a database, serves and works on it, and answers a client";

async function deploy(): Promise<void> {
  await using postgres = await PostgresServer.start();
  await using image = await Image.build({ packages: ["pg@8"] });
  const store = { SEALWIRE_STORE: postgres.url() };
  const byName = await containers();
  const start = (container: string, pod?: "worker") =>
    image.start(["sealwire", ...(byName.get(container)?.args ?? [])], { env: store, ...(pod && { pod }) });

  for (const time of ["first", "second"]) {
    await using migration = start("migrate");
    const migrated = await migration.ended;
    assert.is(migrated.code, 0, `${time} time: ${migrated.stderr}`);
  }

  const [, ...keysAdd] = await pageWords("sealwire keys add");
  const local = keysAdd.map((word) => (word.startsWith("dns:///") ? `dns:///localhost:${image.port}` : word));
  const made = await sealwire(local, { cwd: join(image.folder, "secrets"), env: store });
  assert.is(made.code, 0, made.stderr);
  await image.mountSecret("secrets/server-secret");

  await using server = start("server");
  await using worker = start("worker", "worker");
  await eventually("both are ready", () => server.stdout.includes("\n") && worker.stdout.includes("\n"));
  for (const [name, container] of [
    ["server", server],
    ["worker", worker],
  ] as const) {
    const { readinessProbe, livenessProbe } = byName.get(name) ?? {};
    for (const probe of [readinessProbe, livenessProbe])
      assert.is((await image.run(probe?.exec.command ?? [], { pod: name })).code, 0, name);
    const { metrics } = JSON.parse(container.stdout.split("\n")[0] ?? "") as { readonly metrics: string };
    assert.match(await (await fetch(`http://${metrics}/metrics`)).text(), "sealwire_jobs");
  }

  const client = ["--credentials", "secrets/reports.json", "--tls-ca", "checksums/tls/ca.crt"];
  const call = ["call", "hash_folder", '{"path": "."}', ...client];
  const answer = await eventually("the new key works", async () => {
    const ended = await sealwire(call, { cwd: image.folder });
    return ended.code === 0 && ended;
  });
  assert.is(JSON.parse(answer.stdout).fileCount, "1");
  for (const container of [server, worker]) {
    container.signal("SIGTERM");
    const { code, stderr } = await container.ended;
    assert.is(code, 0, stderr);
  }
}

const unable = whyNotConfined();
if (hasPostgres(test)) {
  if (unable === undefined) test(name, deploy);
  else test.skip(name, unable, deploy);
}

test.run();
