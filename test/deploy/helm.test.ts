import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { readConfig } from "../../src/cli/input/config-file.ts";
import { parseDuration } from "../../src/cli/input/duration.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { refusal, unknownWords } from "../examples/command-words.ts";
import { CHART, VALUES } from "../interop/helm/chart-tool.ts";
import { assert, suite } from "../support/suite.ts";
import { type Manifest, manifestsOf, renderedChart } from "./manifests.ts";

/* What the chart makes stands in test/interop/helm/golden; the suite there renders it. */

const test = suite("deploy/helm");

const ROOT = join(import.meta.dirname, "..", "..");

const rendered = new Map(VALUES.map((name) => [name, renderedChart(name)]));
const pods = [...rendered.values()].flat().flatMap(({ spec }) => spec?.template?.spec ?? []);
const schema = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));
const readYaml = (...path: readonly string[]) => parse(readFileSync(join(CHART, ...path), "utf8"));

/** Without the names and labels, which the chart makes of its release. */
function withoutNames({ kind, metadata, spec }: Manifest): object {
  const text = JSON.stringify({ kind, name: metadata.name, spec }, (name, value) => {
    if (["matchLabels", "labels", "imagePullPolicy", "selector"].includes(name)) return undefined;
    return value;
  });
  return JSON.parse(text);
}

test("with the default values the chart makes the objects of examples/kubernetes", () => {
  const folder = join(ROOT, "examples", "kubernetes");
  const pattern = ["sealwire.yaml", "migrate.yaml"].flatMap((file) => manifestsOf(join(folder, file)));
  const byName = (one: object, other: object) => JSON.stringify(one).localeCompare(JSON.stringify(other));
  const made = (rendered.get("example") ?? []).map(withoutNames).sort(byName);
  assert.is(made.length, 7);
  assert.equal(made, pattern.map(withoutNames).sort(byName));
});

test("every command line that the chart makes is one that sealwire takes", () => {
  const ours = pods.flatMap(({ containers }) => containers);
  assert.is(ours.length, 10);
  for (const { name, args = [] } of ours) assert.equal([unknownWords(args), refusal(args)], [[], undefined], name);
  assert.match(refusal(["serve", "--drain-delay=soon"]) ?? "", "It must be a time span");
  assert.match(refusal(["serve", "--consoles=0.0.0.0:1"]) ?? "", "unknown option");
});

test("every pod ends 5 s or more after its drain, whatever the values", () => {
  const drained = pods.filter(({ terminationGracePeriodSeconds: seconds }) => seconds !== undefined);
  assert.is(drained.length, 7);
  for (const { terminationGracePeriodSeconds: seconds = 0, containers } of drained) {
    const args = containers[0]?.args ?? [];
    const times = args.flatMap((arg) => parseDuration(/^--drain-\w+=(.*)/.exec(arg)?.[1] ?? "") ?? []);
    assert.ok(times.length > 0);
    assert.ok(seconds * 1_000 >= times.reduce((sum, ms) => sum + ms) + 5_000, String(seconds));
  }
});

test("no container that the chart describes runs as root, writes its root file system or gains rights", () => {
  const own = pods.flatMap(({ containers, initContainers = [] }) => [...containers, ...initContainers]);
  for (const { name, securityContext } of own.filter((container) => container.name !== "upstream-plain")) {
    const { runAsGroup: _, ...rest } = securityContext ?? {};
    const expected = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };
    assert.equal(rest, expected, name);
  }
  for (const pod of pods) assert.is((pod.securityContext as { runAsNonRoot: boolean }).runAsNonRoot, true);
});

test("upstreams are sidecars whose settings servers and workers read", async () => {
  const all = rendered.get("everything") ?? [];
  const sidecars = all.flatMap(({ spec }) => spec?.template?.spec.initContainers ?? []);
  assert.equal(
    sidecars.map(({ name, restartPolicy }) => [name, restartPolicy]),
    [1, 2].flatMap(() => ["upstream-archive", "upstream-plain"].map((name) => [name, "Always"])),
  );
  const folder = await mkdtemp(join(tmpdir(), "sealwire-chart-"));
  try {
    const config = join(folder, "serve.json");
    await writeFile(config, all.find(({ kind }) => kind === "ConfigMap")?.data?.["serve.json"] ?? "");
    const { upstreams = [], concurrencyPerClient } = await readConfig(config);
    assert.is(concurrencyPerClient, 8);
    assert.equal(
      upstreams.map(({ name, address, trustLoopback }) => [name, address, trustLoopback]),
      [
        ["archive", "unix:/run/upstreams/archive.sock", true],
        ["plain", "127.0.0.1:50061", true],
      ],
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the schema takes the default values, once there is an image, and no others than they have", () => {
  const check = new Ajv({ strict: false }).compile(schema);
  const defaults = readYaml("values.yaml");
  assert.is(check(defaults), false, "there is no default image");
  const image = { ...defaults.image, repository: "registry.example/tools", tag: "edge" };
  assert.is(check({ ...defaults, image }), true, JSON.stringify(check.errors));
  for (const name of VALUES)
    assert.is(check(readYaml("ci", `${name}-values.yaml`)), true, JSON.stringify(check.errors));
  assert.is(check({ ...defaults, image, workers: {} }), false);
  const names = (value: object, path = ""): string[] =>
    Object.entries(value).flatMap(([name, each]) => {
      const place = `${path}.${name}`;
      const isGroup = typeof each === "object" && !Array.isArray(each) && Object.keys(each).length > 0;
      return isGroup && name !== "resources" ? [place, ...names(each, place)] : [place];
    });
  const known = (node: { properties?: Record<string, object> }, path = ""): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, each]) => [
      `${path}.${name}`,
      ...known(each, `${path}.${name}`),
    ]);
  // `global` is Helm's own, for charts that have this one as a part.
  assert.equal(
    names(defaults).sort(),
    known(schema)
      .filter((path) => path !== ".global")
      .sort(),
  );
});

test("security contexts and the timing of probes are those of the chart, where the values say nothing else", () => {
  const server = (name: (typeof VALUES)[number]) =>
    rendered.get(name)?.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "sealwire")?.spec
      ?.template?.spec;
  const everything = server("everything");
  const containers = everything?.containers ?? [];
  const plain = server("example")?.securityContext as object;
  assert.equal(everything?.securityContext, { ...plain, fsGroupChangePolicy: "OnRootMismatch", runAsUser: 1000 });
  assert.is(containers[0]?.securityContext?.runAsGroup, 1000);
  const timing = (probe: unknown) => {
    const { exec: _, ...rest } = probe as Record<string, unknown>;
    return rest;
  };
  assert.equal(
    ["startupProbe", "readinessProbe", "livenessProbe"].map((probe) => timing(containers[0]?.[probe])),
    [
      { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60 },
      { periodSeconds: 5, timeoutSeconds: 10, failureThreshold: 2 },
      { periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
    ],
  );
});

test("whatever is mounted is a volume of its pod, and whatever a service leads to is a port of it", () => {
  for (const [name, manifests] of rendered) {
    const templates = manifests.flatMap(({ spec }) => spec?.template?.spec ?? []);
    for (const { containers, volumes = [] } of templates)
      for (const { volumeMounts = [] } of containers)
        for (const mount of volumeMounts)
          assert.ok(
            volumes.some((volume) => volume.name === mount.name),
            mount.name,
          );
    const ports = templates.flatMap(({ containers }) => containers.flatMap((container) => container.ports ?? []));
    const services = manifests.filter(({ kind }) => kind === "Service");
    for (const { metadata, spec } of services)
      for (const { port, targetPort } of (spec?.ports ?? []) as { port: number; targetPort: string }[]) {
        const own = ports.find((each) => each.name === targetPort);
        // The console checks the port in the Host header, so a service must not change it.
        assert.is(own?.containerPort, port, `${name}: ${metadata.name}`);
      }
  }
});

test("the commands of the page are those of sealwire, and what it sets are values of the chart", () => {
  const page = readFileSync(join(CHART, "README.md"), "utf8");
  const lines = codeBlocks(page).flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  const commands = lines.filter((line) => line.startsWith("sealwire ")).map((line) => line.replace(/\s+#.*/, ""));
  const inline = [...page.matchAll(/`(sealwire [^`]+)`/g)].map(([, command = ""]) => command);
  assert.is(commands.length, 2);
  for (const command of [...commands, ...inline]) assert.equal(unknownWords(command.split(" ").slice(1)), [], command);
  const values = readYaml("values.yaml");
  const set = [...page.matchAll(/(?:--set |`)([a-z]\w+(?:\.\w+)+)(?==|`|: )/gi)].map(([, path = ""]) =>
    path.split("."),
  );
  assert.ok(set.length > 10);
  for (const path of set.filter(([group = ""]) => group in values))
    assert.is.not(
      path.reduce((value, name) => value?.[name], values),
      undefined,
      path.join("."),
    );
});

test("the chart is of the version of the package", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const chart = readYaml("Chart.yaml");
  assert.equal([chart.version, chart.appVersion], [version, version]);
});

test.run();
