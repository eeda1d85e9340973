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

test("workers of upstreams need the id of the servers", async () => {
  const upstreams = "upstreams: [{ name: a, image: i, descriptors: /a.binpb }]";
  assert.match(await refusal(`${IMAGE}${upstreams}`), "set serverId");
  assert.match(await refusal(`${IMAGE}${upstreams}\nserverId: s`), /^rendered/);
});

test("a field that Kubernetes does not know, a kind and a value of the wrong type are found", async () => {
  assert.match(
    await refusal(`${IMAGE}volumes: [{ name: a, emptyDirs: {} }]`),
    'unknown field "spec.template.spec.volumes',
  );
  assert.match(await refusal(`${IMAGE}env: [{ name: A, value: 1 }]`), "cannot unmarshal number");
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
