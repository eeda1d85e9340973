// test-limit-ms: 900000
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import { buildChartTool, CHART, chart, goldenPath, VALUES } from "./chart-tool.ts";

const test = suiteWith(["go"], "interop/helm");

let folder: string;

test.before(async () => {
  await buildChartTool();
  folder = await mkdtemp(join(tmpdir(), "sealwire-helm-"));
});
test.after(() => folder && rm(folder, { recursive: true }));

/** What the chart says to values that it refuses. */
async function refusal(values: string): Promise<string> {
  const path = join(folder, "values.yaml");
  await writeFile(path, values);
  return chart("template", path).then(
    (text) => `rendered ${text.length} characters`,
    (thrown: { stderr: string }) => thrown.stderr,
  );
}

for (const name of VALUES) {
  const values = join(CHART, "ci", `${name}-values.yaml`);

  test(`helm finds nothing to lint with the values "${name}"`, async () => {
    assert.is(await chart("lint", values), "");
  });

  test(`with the values "${name}" every object is one of Kubernetes, and as expected`, async () => {
    assert.fixture(await chart("template", values), await readFile(goldenPath(name), "utf8"));
  });
}

const IMAGE = "image: { repository: registry.example/tools, tag: edge }\n";

test("an unknown value, or one of the wrong kind, is refused with its name", async () => {
  assert.match(await refusal(`${IMAGE}server: { replica: 1 }`), "replica");
  assert.match(await refusal(`${IMAGE}server: { replicas: many }`), "replicas");
  assert.match(await refusal("image: { repository: registry.example/tools }"), "image");
  assert.match(await refusal("{}"), "image");
});

const UPSTREAM = "name: a, image: i, descriptors: /a.binpb";

test("values that contradict each other are refused with what to set", async () => {
  const refusals = {
    "console: { enabled: true }\ntls: { enabled: false }": "set tls.enabled",
    "console: { port: 50051 }": "console.port",
    "audit: { volume: { name: a } }": "without a name",
    "audit: { required: true }": "set audit.enabled",
    "otel: { enabled: true }": "set otel.endpoint",
    'otel: { enabled: true, endpoint: "http://c:4318", samplerArg: "0.1" }': "set otel.sampler",
  };
  for (const [values, problem] of Object.entries(refusals)) assert.match(await refusal(`${IMAGE}${values}`), problem);
});

test("a value of console, audit log, traces or probes that cannot be is refused with its name", async () => {
  const refusals = {
    "console: { port: 70000 }": "/console/port",
    "console: { tokens: a }": "/console",
    "console: { existingSecret: A_B }": "/console/existingSecret",
    "audit: { volume: { emptyDir: {}, hostPath: {} } }": "/audit/volume",
    "audit: { required: maybe }": "/audit/required",
    "otel: { endpoint: collector:4318 }": "/otel/endpoint",
    "otel: { sampler: sometimes }": "/otel/sampler",
    'otel: { samplerArg: "10" }': "/otel/samplerArg",
    'otel: { resourceAttributes: { a: "b,c" } }': "/otel/resourceAttributes/a",
    "operator: { payloads: 1 }": "/operator/payloads",
    "probes: { startup: { periodSeconds: 0 } }": "/probes/startup/periodSeconds",
    "probes: { startup: { exec: {} } }": "/probes/startup",
    "securityContext: { runAsUser: 1 }": "/securityContext",
    "env: [{ name: A, value: 1 }]": "/env/0/value",
    "server: { env: [{ value: a }] }": "/server/env/0",
  };
  for (const [values, field] of Object.entries(refusals)) {
    const said = await refusal(`${IMAGE}${values}`);
    assert.match(said, field);
    assert.not.match(said, /^rendered/);
  }
});

test("workers of upstreams need the id of the servers", async () => {
  const upstreams = `upstreams: [{ ${UPSTREAM} }]`;
  assert.match(await refusal(`${IMAGE}${upstreams}`), "set serverId");
  assert.match(await refusal(`${IMAGE}${upstreams}\nserverId: s`), /^rendered/);
});

test("a field that Kubernetes does not know, a kind and a value of the wrong type are found", async () => {
  assert.match(
    await refusal(`${IMAGE}volumes: [{ name: a, emptyDirs: {} }]`),
    'unknown field "spec.template.spec.volumes',
  );
  assert.match(
    await refusal(`${IMAGE}upstreams: [{ ${UPSTREAM}, env: [{ name: A, value: 1 }] }]\nserverId: s`),
    "cannot unmarshal number",
  );
});

test("lint finds a chart that cannot be rendered", async () => {
  const broken = join(folder, "broken");
  await cp(CHART, broken, { recursive: true });
  await writeFile(join(broken, "templates", "broken.yaml"), "a: {{ .Values.image | noSuchFunction }}\n");
  const values = join(CHART, "ci", "example-values.yaml");
  const problem = await chart("lint", values, broken).catch(({ stderr }: { stderr: string }) => stderr);
  assert.match(problem, "noSuchFunction");
});

test.run();
