import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { parseAllDocuments } from "yaml";
import { parseDuration } from "../../src/cli/duration.ts";
import { createProgram } from "../../src/cli/program.ts";
import { RecordingTerminal } from "../cli/cli-run.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { assert, suite } from "../support/suite.ts";

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
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
  };
}

type Labels = Readonly<Record<string, string>>;

interface Pod {
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly secret: { readonly secretName: string; readonly defaultMode: number };
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
  readonly securityContext: unknown;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
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

/** The words of a command line that the program does not know. */
function unknownWords(words: readonly string[]): string[] {
  let command: Command = createProgram(new RecordingTerminal(), () => {});
  const unknown: string[] = [];
  for (const [index, word] of words.entries()) {
    const [option = ""] = word.split("=");
    if (!word.startsWith("-")) {
      const next = command.commands.find((each) => each.name() === word);
      if (next !== undefined) command = next;
      else if (command.commands.length > 0) return [...unknown, word];
      else if (index === 0) unknown.push(word);
    } else if (!command.options.some(({ long }) => long === option)) {
      unknown.push(option);
    }
  }
  return unknown;
}

const matches = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

test("every command line of manifests and page is one that sealwire takes", () => {
  for (const { name, args } of containers) assert.equal(unknownWords(args), [], name);
  const probes = containers.flatMap(({ startupProbe, readinessProbe }) => [startupProbe, readinessProbe]);
  for (const probe of probes.filter((each) => each !== undefined)) {
    const [program, ...words] = probe.exec.command;
    assert.is(program, "sealwire");
    assert.equal(unknownWords(words), []);
    const timeout = parseDuration(
      words.find((word) => word.startsWith("--timeout="))?.slice("--timeout=".length) ?? "",
    );
    assert.ok(timeout !== undefined && timeout < probe.timeoutSeconds * 1000, "the probe ends by itself");
  }
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

test("a pod gets five seconds more than its drain timeout", () => {
  for (const { metadata, spec } of ofKind("Deployment")) {
    const pod = spec.template?.spec;
    const option = pod?.containers[0]?.args.find((arg) => arg.startsWith("--drain-timeout="));
    const drainMs = parseDuration(option?.slice("--drain-timeout=".length) ?? "") ?? Number.NaN;
    assert.ok((pod?.terminationGracePeriodSeconds ?? 0) * 1000 >= drainMs + 5_000, metadata.name);
  }
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
  assert.ok(container?.readinessProbe?.exec.command.includes(`--address=localhost:${port}`));
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
    for (const { args, startupProbe, volumeMounts = [] } of spec.containers) {
      const paths = [...args, ...(startupProbe?.exec.command ?? [])].flatMap((arg) => /=(\/.*)/.exec(arg)?.[1] ?? []);
      for (const path of paths) {
        const mount = volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
        const volume = spec.volumes?.find(({ name }) => name === mount?.name);
        const [, file] = /([^/]+)$/.exec(path) ?? [];
        assert.match(page, new RegExp(`\`${volume?.secret.secretName}\` \\|.*\`${file}\``));
      }
    }
    for (const { secret } of spec.volumes ?? []) {
      assert.is(secret.defaultMode, 0o400);
      assert.is(spec.securityContext.fsGroup, 65_532);
    }
  }
  for (const { name, env } of containers) {
    const { secretKeyRef } = env.find((each) => each.name === "SEALWIRE_STORE")?.valueFrom ?? {};
    assert.match(page, `\`${secretKeyRef?.name}\` | \`${secretKeyRef?.key}\``, name);
  }
});

test.run();
