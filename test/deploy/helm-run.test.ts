// test-limit-ms: 300000
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliProcess, sealwire } from "../cli/cli-process.ts";
import { inFolder } from "../cli/cli-run.ts";
import { bearer, send, signIn } from "../console/http-client.ts";
import { startCollector } from "../support/otlp-collector.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { scrape } from "../support/scrape.ts";
import { assert, suite } from "../support/suite.ts";
import { type Container, renderedChart } from "./manifests.ts";

/*
 * Starts the very command lines that the chart makes, with their variables. The places that a pod mounts are folders of the
 * test, and its ports are free ones.
 */
const test = suite("deploy/helm-run");

const SOURCES = new URL("../../", import.meta.url).href;
const TOOLS = `import { demoTools } from "${SOURCES}src/tools/demo-tools.ts";
  export const tools = [demoTools()];
  export const descriptors = [];`;
const TOKEN = "0123456789abcdef0123456789abcdef";
const MOUNTS = ["secrets", "tls", "console", "run/sealwire", "audit"];

/** What stands for a pod. */
interface Place {
  readonly folder: string;
  readonly podName: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly collector: string;
}

/** A container's variables as Kubernetes sets them: one may refer to those before it. */
function variables(container: Container, { podName, secrets, collector }: Place): Record<string, string> {
  const known: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { fieldRef, secretKeyRef } = (valueFrom ?? {}) as {
      readonly fieldRef?: { readonly fieldPath: string };
      readonly secretKeyRef?: { readonly name: string };
    };
    if (fieldRef !== undefined) assert.is(fieldRef.fieldPath, "metadata.name");
    known[name] =
      fieldRef !== undefined ? podName : secretKeyRef ? (secrets[secretKeyRef.name] ?? "") : expand(value ?? "", known);
  }
  if ("OTEL_EXPORTER_OTLP_ENDPOINT" in known) known.OTEL_EXPORTER_OTLP_ENDPOINT = collector;
  return known;
}

function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => known[name] ?? whole);
}

function start(container: Container, place: Place): CliProcess {
  const env = variables(container, place);
  const args = (container.args ?? []).map((word) =>
    expand(word, env)
      .replace(new RegExp(`=/(${MOUNTS.join("|")})/`), `=${place.folder}/$1/`)
      .replace(/^(--(?:listen|console|metrics)=0\.0\.0\.0):\d+$/, "$1:0"),
  );
  return new CliProcess(args, { cwd: place.folder, env });
}

const containers = new Map(
  renderedChart("operated")
    .flatMap(({ spec }) => spec?.template?.spec.containers ?? [])
    .map((container) => [container.name, container]),
);

function containerOf(name: string): Container {
  const container = containers.get(name);
  if (container === undefined) throw new Error(`the chart has no container ${name}`);
  return container;
}

async function fillMounts(folder: string): Promise<void> {
  for (const mount of MOUNTS) await mkdir(join(folder, mount), { recursive: true });
  const [key, certificate] = [join(folder, "tls", "tls.key"), join(folder, "tls", "tls.crt")];
  const subject = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=sealwire";
  const files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate];
  const made = spawnSync("openssl", [...subject.split(" "), ...files]);
  assert.is(made.status, 0, String(made.stderr));
  await chmod(key, 0o600);
  await writeFile(join(folder, "console", "tokens"), `ada operator ${TOKEN}\n`, { mode: 0o600 });
  await writeFile(join(folder, "implementation.ts"), TOOLS);
}

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

if (hasPostgres(test)) {
  const name = "what the chart starts migrates, serves and works, with console, audit log, traces and metrics";
  const run = (): Promise<void> =>
    inFolder(async (folder) => {
      await using postgres = await PostgresServer.start();
      await using collector = await startCollector();
      await fillMounts(folder);
      const store = postgres.url();
      const secrets = { "sealwire-store": store, "sealwire-store-owner": store };
      const place = { folder, podName: "sealwire-0", secrets, collector: collector.endpoint };

      await using migration = start(containerOf("migrate"), place);
      assert.is((await migration.ended).code, 0, migration.stderr);
      const env = { SEALWIRE_STORE: store };
      const secretFile = ["--server-secret-file", "secrets/server-secret"];
      const add = ["keys", "add", "reports", "--server-id", "checksums", "--tools", "*", ...secretFile];
      const valid = ["--not-before", "2020-01-01T00:00:00Z", "--out", "reports.json"];
      const added = await sealwire([...add, ...valid], { cwd: folder, env });
      assert.is(added.code, 0, added.stderr);

      await using server = start(containerOf("server"), place);
      await using worker = start(containerOf("worker"), { ...place, podName: "sealwire-worker-0" });
      await server.until("the server", () => server.stdout.includes("\n"));
      await worker.until("the worker", () => worker.stdout.includes("\n"));
      const ready = JSON.parse(server.stdout.split("\n")[0] ?? "") as Readonly<Record<string, string>>;
      const at = (address = "") => `localhost:${address.split(":").at(-1)}`;

      const toServer = ["--credentials", "reports.json", "--address", at(ready.listening), "--tls-ca", "tls/tls.crt"];
      const call = await sealwire(["call", "start_long_task", '{"seconds": 1}', ...toServer], { cwd: folder });
      assert.is(call.code, 0, call.stderr);

      const origin = `https://${at(ready.console)}`;
      const session = (await signIn(origin, TOKEN)).json<{ token: string; role: string }>();
      assert.is(session.role, "operator");
      const jobs = await send(`${origin}/api/jobs`, { headers: bearer(session.token) });
      assert.is(jobs.json<{ jobs: readonly unknown[] }>().jobs.length, 1);

      assert.is((await scrape(ready.metrics?.replace("0.0.0.0", "127.0.0.1") ?? "")).value("sealwire_store_up"), 1);
      for (const pod of ["sealwire-0", "sealwire-worker-0"]) {
        const { resource } = await collector.span(pod, (span) => span.resource["k8s.pod.name"] === pod);
        assert.equal([resource["service.name"], resource["k8s.namespace.name"]], ["sealwire", "tools"]);
      }

      for (const each of [server, worker]) each.child.kill("SIGTERM");
      for (const each of [server, worker]) assert.is((await each.ended).code, 0, each.stderr);
      assert.equal((await readdir(join(folder, "audit"))).sort(), ["sealwire-0.log", "sealwire-0.log.lock"]);
      const verified = await sealwire(["audit", "verify", "audit/sealwire-0.log", ...secretFile], { cwd: folder, env });
      assert.is(verified.code, 0, verified.stderr);
    });
  if (hasOpenssl) test(name, run);
  else test.skip(name, "there is no openssl", run);
}

test.run();
