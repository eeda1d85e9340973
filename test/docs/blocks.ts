/** Pages whose blocks are run, each by the suite that reads it and types what it says. */
export const RUN_BY: Readonly<Record<string, string>> = {
  "README.md": "test/docs/readme.long.ts",
  "docs/debugging.md": "test/docs/debugging.interop.ts",
  "docs/mcp.md": "test/docs/mcp.test.ts",
  "docs/operations.md": "test/docs/operations-run.long.ts",
  "docs/proxy.md": "test/docs/proxy.interop.ts",
  "docs/telemetry.md": "test/docs/telemetry.test.ts",
  "docs/typescript.md": "test/docs/typescript.long.ts",
  "clients/go/README.md": "test/interop/go.interop.ts",
  "clients/java/README.md": "test/interop/java.interop.ts",
  "clients/python/README.md": "test/interop/python.interop.ts",
  "examples/go/README.md": "test/interop/go.interop.ts",
  "examples/java/README.md": "test/interop/java.interop.ts",
  "examples/monitoring/README.md": "test/examples/monitoring.long.ts",
  "examples/python/README.md": "test/interop/python.interop.ts",
  "examples/python-agent/README.md": "test/interop/python.interop.ts",
  "examples/rust/README.md": "test/interop/rust.interop.ts",
};

/** A block that no test runs as it stands on its page. */
export interface NotRun {
  readonly page: string;
  /** How the block begins. */
  readonly start: string;
  /** Why, and what is tested of it instead. */
  readonly reason: string;
}

const WRITTEN = "is what npm run test:full wrote";
const DEFINITION = "shows a part of the contract";
const EXAMPLE_BYTES = "shows bytes, which test/docs/protocol.test.ts compares with those that the code makes";
const ARCHIVE = "needs an upstream; test/interop/upstream/commands.ts types it beside the examples";
const DOCKER = "needs docker; test/examples/container.long.ts runs its commands in the image that it builds without";
const KUBECTL = "needs a cluster; test/examples/kubernetes.test.ts checks its commands and applies none";
const CLUSTER =
  "needs three machines; test/crash/campaign.crash.ts runs the cluster on one, from the same files, and test/examples/high-availability.test.ts reads the page";
const ROOT =
  "needs root and systemd; test/examples/systemd.test.ts starts what the unit starts, and has the unit judged";
const PROJECT =
  "needs the package in a registry; test/examples/tools.long.ts and test/package do it with the packed package";
const BUILT = "test/interop/upstream/archive-build.ts runs it for the suites of the servers";
const TRIED = "puts a running server behind Sealwire; test/interop/upstream/commands.ts runs it in the built copy";

/** Every other block in the pages of the project, and those of a page that is run which its suite leaves out. */
export const NOT_RUN: readonly NotRun[] = [
  {
    page: "bench/README.md",
    start: "npm run bench",
    reason: "takes half an hour; test/bench/smoke.long.ts runs every bench shortly",
  },
  {
    page: "docs/console.md",
    start: "sealwire serve --console",
    reason: "prints to a terminal; test/cli/console.test.ts starts it",
  },
  { page: "docs/console.md", start: "umask 077", reason: "test/cli/console.test.ts types it and signs in" },
  { page: "docs/console.md", start: "# NAME ROLE TOKEN", reason: "test/console/principals.test.ts reads such a file" },
  { page: "CONTRIBUTING.md", start: "npm ci", reason: "is what .ci/run does first" },
  { page: "docs/protocol.md", start: "service ToolService {", reason: DEFINITION },
  { page: "docs/protocol.md", start: "message CallRequest", reason: DEFINITION },
  { page: "docs/protocol.md", start: "message Frame", reason: DEFINITION },
  { page: "docs/protocol.md", start: "{", reason: EXAMPLE_BYTES },
  { page: "docs/protocol.md", start: "request key", reason: EXAMPLE_BYTES },
  { page: "docs/protocol.md", start: "args.value", reason: EXAMPLE_BYTES },
  { page: "docs/protocol.md", start: "Response (", reason: EXAMPLE_BYTES },
  { page: "docs/protocol.md", start: "message Status", reason: DEFINITION },
  {
    page: "docs/protocol-languages.md",
    start: "syntax = ",
    reason: "test/docs/python-client.long.ts runs it with the two below",
  },
  { page: "docs/protocol-languages.md", start: "mkdir -p gen", reason: "test/docs/python-client.long.ts runs it" },
  { page: "docs/protocol-languages.md", start: "import base64", reason: "test/docs/python-client.long.ts runs it" },
  { page: "README.md", start: "import sealwire", reason: "test/interop/clients/package-tests.ts runs it" },
  { page: "README.md", start: "sealwire upstream pull", reason: ARCHIVE },
  { page: "README.md", start: '{\n  "mcpServers"', reason: "test/docs/mcp.test.ts compares it with what is printed" },
  {
    page: "docs/mcp.md",
    start: "sealwire serve --dev --mcp-server",
    reason: "needs servers of others; test/cli/mcp-servers.test.ts does it with one of ours",
  },
  { page: "docs/mcp.md", start: '{\n  "mcp_servers"', reason: "test/docs/mcp-servers.test.ts reads it as serve does" },
  { page: "docs/audit.md", start: "sealwire serve", reason: "test/cli/audit.test.ts does it with another path" },
  { page: "docs/audit.md", start: "sealwire work", reason: "test/cli/audit-shared.test.ts does it with other paths" },
  { page: "docs/audit.md", start: "{", reason: "test/audit/schema.test.ts checks it against the schema" },
  { page: "docs/audit.md", start: "/var/log/sealwire", reason: "needs root; test/cli/audit.test.ts moves and signals" },
  { page: "docs/upstreams.md", start: "sealwire upstream pull", reason: ARCHIVE },
  { page: "docs/upstreams.md", start: "sealwire serve", reason: ARCHIVE },
  { page: "docs/upstreams.md", start: "rpc HashPages", reason: DEFINITION },
  { page: "docs/upstreams.md", start: "sealwire upstream keygen", reason: ARCHIVE },
  { page: "docs/upstreams.md", start: "{", reason: "test/docs/upstreams.test.ts reads it as serve does" },
  { page: "docs/upstreams.md", start: "sealwire upstream check", reason: ARCHIVE },
  { page: "docs/test-full.md", start: "npm run test:crash", reason: WRITTEN },
  { page: "docs/test-full.md", start: " crash/lost-worker", reason: WRITTEN },
  { page: "docs/test-full-sqlite.md", start: "npm run test:crash", reason: WRITTEN },
  { page: "docs/test-full-postgres.md", start: "npm run test:crash", reason: WRITTEN },
  { page: "docs/test-full-cluster.md", start: "npm run test:crash", reason: WRITTEN },
  { page: "clients/rust/README.md", start: "cargo init", reason: "test/interop/rust.interop.ts runs it" },
  { page: "clients/rust/README.md", start: "tonic_prost_build", reason: "the build of test/interop/rust does it" },
  { page: "clients/rust/README.md", start: "# async fn run", reason: "is compiled with the package's own tests" },
  { page: "examples/container/README.md", start: "npm install", reason: DOCKER },
  { page: "examples/container/README.md", start: "umask 077", reason: DOCKER },
  { page: "examples/container/README.md", start: "docker run", reason: DOCKER },
  { page: "examples/greeter/README.md", start: "npm install", reason: PROJECT },
  { page: "examples/greeter/README.md", start: "npx sealwire tools", reason: PROJECT },
  {
    page: "deploy/helm/sealwire/README.md",
    start: "helm install",
    reason: "needs a cluster; test/interop/helm renders the chart with these values",
  },
  { page: "deploy/helm/sealwire/README.md", start: "export SEALWIRE_STORE", reason: KUBECTL },
  {
    page: "deploy/helm/sealwire/README.md",
    start: "kubectl create secret generic sealwire-console",
    reason: "needs a cluster; test/deploy/helm-run.test.ts signs in with the token file that the chart mounts",
  },
  { page: "examples/kubernetes/README.md", start: "export SEALWIRE_STORE", reason: KUBECTL },
  { page: "examples/kubernetes/README.md", start: "sealwire keys add", reason: KUBECTL },
  {
    page: "examples/kubernetes/README.md",
    start: "readinessProbe",
    reason: "is a part of a manifest, which the same test reads",
  },
  { page: "examples/high-availability/README.md", start: "sudo apt-get", reason: CLUSTER },
  { page: "examples/high-availability/README.md", start: "GRANT", reason: CLUSTER },
  { page: "examples/high-availability/README.md", start: "sealwire store narrow", reason: CLUSTER },
  { page: "examples/high-availability/README.md", start: "export SEALWIRE_STORE", reason: CLUSTER },
  { page: "examples/systemd/README.md", start: "useradd", reason: ROOT },
  { page: "examples/systemd/README.md", start: "runuser", reason: ROOT },
  { page: "examples/tools/README.md", start: "npm install", reason: PROJECT },
  { page: "examples/tools/README.md", start: "npx sealwire tools", reason: PROJECT },
  { page: "examples/upstream-go/README.md", start: "./generate.sh", reason: BUILT },
  { page: "examples/upstream-go/README.md", start: "./try.sh", reason: TRIED },
  { page: "examples/upstream-java/README.md", start: "mvn", reason: BUILT },
  { page: "examples/upstream-java/README.md", start: "./try.sh", reason: TRIED },
  { page: "examples/upstream-python/README.md", start: "python3 -m venv", reason: BUILT },
  { page: "examples/upstream-python/README.md", start: "./try.sh", reason: TRIED },
  { page: "examples/upstream-rust/README.md", start: "cargo build", reason: BUILT },
  { page: "examples/upstream-rust/README.md", start: "./try.sh", reason: TRIED },
];

/** True for a block that the suite of its page leaves out. */
export function isNotRun(page: string, text: string): boolean {
  return NOT_RUN.some((each) => each.page === page && text.startsWith(each.start));
}
