import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { parseDuration } from "../../src/cli/input/duration.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { assert, suite } from "../support/suite.ts";
import { unknownWords } from "./command-words.ts";

const test = suite("examples/kubernetes");

const folder = join(import.meta.dirname, "..", "..", "examples", "kubernetes");
const page = readFileSync(join(folder, "README.md"), "utf8");

/** As much of a Kubernetes object as is looked at. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly replicas?: number;
    readonly selector?: Labels & { readonly matchLabels?: Labels };
    readonly ports?: readonly { readonly port: number; readonly targetPort: string }[];
    readonly activeDeadlineSeconds?: number;
    readonly podSelector?: { readonly matchLabels: Labels };
    readonly ingress?: readonly { readonly ports: readonly { readonly port: string }[]; readonly from?: unknown }[];
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
  };
}

type Labels = Readonly<Record<string, string>>;

interface Pod {
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly topologySpreadConstraints?: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string; readonly defaultMode: number };
    readonly emptyDir?: { readonly medium: string };
  }[];
}

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly securityContext: unknown;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

interface Probe {
  readonly exec: { readonly command: readonly string[] };
  readonly timeoutSeconds: number;
}

const manifests = ["sealwire.yaml", "migrate.yaml"].flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), "utf8"), { strict: true }).map((document) => {
    assert.equal([...document.errors, ...document.warnings], [], file);
    return document.toJS() as Manifest;
  }),
);

const ofKind = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
const pods = manifests.flatMap(({ metadata, spec }) =>
  spec.template ? [{ name: metadata.name, ...spec.template }] : [],
);
const containers = pods.flatMap(({ spec }) => spec.containers);
const server = pods.find(({ name }) => name === "sealwire");

/** The value of an option in a container's arguments. */
function optionOf(container: Container | undefined, name: string): string | undefined {
  return container?.args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

const matches = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

test("every command line of manifests and page is one that sealwire takes", () => {
  for (const { name, args } of containers) assert.equal(unknownWords(args), [], name);
  const shell = codeBlocks(page)
    .map(({ text }) => text.replaceAll(/\\\n\s*/g, ""))
    .join("");
  const words = /^sealwire (.*)/m.exec(shell)?.[1]?.split(/\s+/) ?? [];
  assert.ok(words.length > 3);
  assert.equal(unknownWords(words), []);
  assert.equal(unknownWords(["serve", "--no-such-option"]), ["--no-such-option"]);
  assert.equal(unknownWords(["store", "no-such-command"]), ["no-such-command"]);
});

test("every pod runs unprivileged on a read-only root file system", () => {
  assert.is(pods.length, 3);
  for (const { name, spec } of pods) {
    const { runAsNonRoot, runAsUser, seccompProfile } = spec.securityContext;
    assert.equal(
      { runAsNonRoot, runAsUser, seccompProfile },
      { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: "RuntimeDefault" } },
      name,
    );
    for (const { securityContext } of spec.containers)
      assert.equal(
        securityContext,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
        name,
      );
  }
});

test("a pod gets five seconds more than its drain delay and drain timeout", () => {
  for (const { metadata, spec } of ofKind("Deployment")) {
    const pod = spec.template?.spec;
    const ms = (name: string) => parseDuration(optionOf(pod?.containers[0], name) ?? "");
    const drainMs = (ms("--drain-delay") ?? 0) + (ms("--drain-timeout") ?? Number.NaN);
    assert.ok((pod?.terminationGracePeriodSeconds ?? 0) * 1000 >= drainMs + 5_000, metadata.name);
  }
});

test("servers say NOT_SERVING for longer than a client takes to ask before they refuse calls", () => {
  const delayMs = parseDuration(optionOf(server?.spec.containers[0], "--drain-delay") ?? "") ?? 0;
  assert.ok(delayMs > 5_000, String(delayMs));
});

test("servers and workers have probes that read the file which the process writes, and start no Node", () => {
  const probed = ofKind("Deployment").flatMap(({ spec }) => spec.template?.spec.containers ?? []);
  assert.is(probed.length, 2);
  for (const container of probed) {
    const { name, startupProbe, readinessProbe, livenessProbe, volumeMounts = [] } = container;
    const file = optionOf(container, "--health-file") ?? "none";
    const live = `test -n "$(find ${file} -mmin -1)"`;
    const ready = `${live} && grep -qx SERVING ${file}`;
    const commands = [startupProbe, readinessProbe, livenessProbe].map((probe) => probe?.exec.command);
    assert.equal(
      commands,
      [
        ["sh", "-c", ready],
        ["sh", "-c", ready],
        ["sh", "-c", live],
      ],
      name,
    );
    const mount = volumeMounts.find(({ mountPath }) => file.startsWith(`${mountPath}/`));
    assert.is(mount?.readOnly ?? false, false);
    const pod = pods.find(({ spec }) => spec.containers.includes(container))?.spec;
    assert.is(pod?.volumes?.find((volume) => volume.name === mount?.name)?.emptyDir?.medium, "Memory");
    assert.is(pod?.securityContext.fsGroup, 65_532);
  }
  const { readinessProbe } = parse(codeBlocks(page).find(({ language }) => language === "yaml")?.text ?? "");
  const ports = server?.spec.containers[0]?.ports?.map(({ containerPort }) => containerPort);
  assert.ok(ports?.includes(readinessProbe.grpc.port));
});

test("Prometheus reaches the metrics of every pod, and nobody outside its namespace does", () => {
  for (const { spec } of ofKind("Deployment")) {
    const [container] = spec.template?.spec.containers ?? [];
    const port = container?.ports?.find(({ name }) => name === "metrics")?.containerPort;
    assert.ok(container?.args.includes("--metrics-public"));
    assert.is(optionOf(container, "--metrics"), `0.0.0.0:${port}`);
  }
  const [policy] = ofKind("NetworkPolicy");
  assert.ok(pods.every(({ metadata }) => matches(policy?.spec.podSelector?.matchLabels ?? {}, metadata.labels)));
  const openTo = (port: string) =>
    (policy?.spec.ingress ?? [])
      .filter(({ ports }) => ports.some((each) => each.port === port))
      .map(({ from }) => from);
  assert.equal(openTo("grpc"), [undefined]);
  const monitoring = { "kubernetes.io/metadata.name": "monitoring" };
  assert.equal(openTo("metrics"), [[{ namespaceSelector: { matchLabels: monitoring } }]]);
});

test("servers and workers are spread over the nodes", () => {
  for (const { metadata, spec } of ofKind("Deployment")) {
    const constraints = spec.template?.spec.topologySpreadConstraints ?? [];
    assert.is(constraints.length, 1, metadata.name);
    const labels = constraints[0]?.labelSelector.matchLabels ?? {};
    assert.equal(labels, spec.template?.metadata.labels, metadata.name);
  }
});

test("whatever the page waits for ends by itself, and the migration may be applied again", () => {
  const lines = codeBlocks(page).flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  const waiting = lines.filter((line) => /kubectl (wait|rollout status|delete)/.test(line));
  assert.is(waiting.length, 4);
  for (const line of waiting) assert.match(line, / --timeout=\d+m/);
  const [, timeoutMinutes] = /kubectl wait .*--timeout=(\d+)m/.exec(waiting.join("\n")) ?? [];
  const [job] = ofKind("Job");
  // The job fails before nobody waits for it any more.
  assert.ok((job?.spec.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY) < Number(timeoutMinutes) * 60);
  const applied = lines.filter((line) => line.includes("apply -f migrate.yaml"));
  assert.equal(
    applied.map((line) => line.split(" && ")[0]),
    ["kubectl delete --ignore-not-found --timeout=5m -f migrate.yaml"],
  );
});

test("the service is headless and leads to the port where the servers listen, and budgets cover each deployment", () => {
  const [service] = ofKind("Service");
  const labels = server?.metadata.labels ?? {};
  const [container] = server?.spec.containers ?? [];
  assert.is(service?.spec.clusterIP, "None");
  assert.ok(matches((service?.spec.selector ?? {}) as Labels, labels));
  const [{ port, targetPort } = { port: 0, targetPort: "" }] = service?.spec.ports ?? [];
  assert.is(container?.ports?.find(({ name }) => name === targetPort)?.containerPort, port);
  assert.ok(container?.args.includes(`--listen=0.0.0.0:${port}`));
  for (const { spec, metadata } of ofKind("Deployment")) {
    assert.ok((spec.replicas ?? 0) >= 2, metadata.name);
    const budgets = ofKind("PodDisruptionBudget").filter((budget) =>
      matches(budget.spec.selector?.matchLabels ?? {}, spec.template?.metadata.labels ?? {}),
    );
    assert.is(budgets.length, 1, metadata.name);
    assert.ok(matches(spec.selector?.matchLabels ?? {}, spec.template?.metadata.labels ?? {}), metadata.name);
  }
});

test("files that a command names come from mounted secrets that the page tells of, readable for their group alone", () => {
  for (const { spec } of pods) {
    for (const { args, volumeMounts = [] } of spec.containers) {
      const read = args.filter((arg) => !arg.startsWith("--health-file="));
      const paths = read.flatMap((arg) => /=(\/.*)/.exec(arg)?.[1] ?? []);
      for (const path of paths) {
        const mount = volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
        const volume = spec.volumes?.find(({ name }) => name === mount?.name);
        const [, file] = /([^/]+)$/.exec(path) ?? [];
        assert.match(page, new RegExp(`\`${volume?.secret?.secretName}\` \\|.*\`${file}\``));
      }
    }
    for (const { secret } of (spec.volumes ?? []).filter((volume) => volume.secret !== undefined)) {
      assert.is(secret?.defaultMode, 0o400);
      assert.is(spec.securityContext.fsGroup, 65_532);
    }
  }
  for (const { name, env } of containers) {
    const { secretKeyRef } = env.find((each) => each.name === "SEALWIRE_STORE")?.valueFrom ?? {};
    assert.match(page, `\`${secretKeyRef?.name}\` | \`${secretKeyRef?.key}\``, name);
  }
});

test.run();
