import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDuration } from "../../../src/cli/input/duration.ts";
import { resolveServeSettings } from "../../../src/cli/serve/serve-settings.ts";
import { assert, suite } from "../../support/suite.ts";
import { inFolder } from "../cli-run.ts";

const test = suite("cli/serve/serve-settings");

/** What comes of a configuration file and options. */
async function resolved(config: object, options = {}) {
  await mkdir("conf", { recursive: true });
  await writeFile("conf/serve.json", JSON.stringify(config));
  return resolveServeSettings({ config: "conf/serve.json", ...options });
}

test("defaults are safe: loopback, no demo tools, nothing made", async () => {
  const settings = await resolveServeSettings({});
  assert.is(settings.listen, "127.0.0.1:50051");
  assert.equal(
    [settings.dev, settings.demoTools, settings.insecure, settings.reusePort, settings.reflection],
    [false, false, false, false, true],
  );
  assert.equal([settings.metricsPublic, settings.healthFile, settings.drainDelayMs], [false, undefined, 0]);
  assert.equal([settings.console, settings.consoleReadOnly, settings.consoleTokenFile], [undefined, false, undefined]);
  assert.is(settings.keyRing, ".sealwire/key-ring.json");
});

test("a server for development has a console on loopback, unless it is told not to", async () => {
  assert.is((await resolveServeSettings({ dev: true })).console, "127.0.0.1:0");
  assert.is((await resolveServeSettings({ dev: true, console: false })).console, undefined);
  assert.is((await resolveServeSettings({ dev: true, console: "127.0.0.1:8" })).console, "127.0.0.1:8");
});

test("every field of the file is read, paths relative to it", () =>
  inFolder(async (folder) => {
    const settings = await resolved({
      data: "d",
      store: "postgres://h/d",
      store_connections_max: 4,
      require_sync_replication: true,
      server_secret_file: "s.json",
      listen: "[::1]:1",
      reuse_port: true,
      tools: ["./t.js"],
      upstreams: {
        py: {
          address: ["unix:/run/py.sock", "127.0.0.1:5"],
          descriptors: "py.binpb",
          services: ["py.v1.PyToolService"],
          max_concurrency: 5,
          call_timeout: "2s",
          health: "connect",
          deduplicates: true,
          trust_loopback: true,
          tls: { ca: "ca.pem", cert: "c.pem", key: "/k.pem", name: "py" },
          assertion: { audience: "py", key: "keys.json" },
        },
      },
      mcp_servers: {
        files: {
          command: "npx -y 'a b'",
          cwd: "w",
          env: ["TOKEN"],
          jobs: ["files_*"],
          trust_annotations: true,
          per_client: true,
          max_concurrency: 4,
          start_timeout: "5s",
        },
        web: { url: "https://tools.example.com/mcp", token_env: "WEB_TOKEN" },
      },
      mcp_pin: "p.json",
      demo_tools: false,
      concurrency: 3,
      concurrency_per_client: 2,
      operator_payloads: true,
      reflection: false,
      metrics: "127.0.0.1:9",
      metrics_public: true,
      otel: true,
      otel_sampled_calls_per_second: 7,
      otel_job_traces: "child",
      console: "127.0.0.1:8",
      console_read_only: true,
      console_token_file: "t",
      health_file: "h",
      audit: "a.log",
      audit_required: true,
      tls: { cert: "c.pem", key: "k.pem", client_ca: "/ca.pem" },
      insecure: true,
      log_level: "warn",
      drain_timeout: "90s",
      drain_delay: "7s",
      limits: { connections_max: 7, canonical_retries_per_second: 0 },
    });
    const conf = join(folder, "conf");
    assert.equal(settings, {
      dev: false,
      data: join(conf, "d"),
      store: "postgres://h/d",
      storeConnectionsMax: 4,
      requireSyncReplication: true,
      serverSecretFile: join(conf, "s.json"),
      keyRing: join(conf, "d", "key-ring.json"),
      listen: "[::1]:1",
      reusePort: true,
      tools: [join(conf, "t.js")],
      upstreams: [
        {
          name: "py",
          address: ["unix:/run/py.sock", "127.0.0.1:5"],
          descriptors: join(conf, "py.binpb"),
          services: ["py.v1.PyToolService"],
          maxConcurrency: 5,
          callTimeoutMs: 2_000,
          health: "connect",
          deduplicates: true,
          trustLoopback: true,
          tls: {
            caPath: join(conf, "ca.pem"),
            certificatePath: join(conf, "c.pem"),
            privateKeyPath: "/k.pem",
            serverName: "py",
          },
          assertion: { audience: "py", keyPath: join(conf, "keys.json") },
        },
      ],
      mcpServers: [
        {
          name: "files",
          command: ["npx", "-y", "a b"],
          cwd: join(conf, "w"),
          variables: ["TOKEN"],
          jobs: ["files_*"],
          trustAnnotations: true,
          perClient: true,
          maxConcurrency: 4,
          startTimeoutMs: 5_000,
        },
        { name: "web", url: "https://tools.example.com/mcp", variables: [], tokenVariable: "WEB_TOKEN" },
      ],
      mcpPin: join(conf, "p.json"),
      demoTools: false,
      concurrency: 3,
      concurrencyPerClient: 2,
      operatorPayloads: true,
      reflection: false,
      metrics: "127.0.0.1:9",
      metricsPublic: true,
      otel: true,
      otelSampledCallsPerSecond: 7,
      otelJobTraces: "child",
      console: "127.0.0.1:8",
      consoleReadOnly: true,
      consoleTokenFile: join(conf, "t"),
      healthFile: join(conf, "h"),
      audit: join(conf, "a.log"),
      auditRequired: true,
      tls: { certificatePath: join(conf, "c.pem"), privateKeyPath: join(conf, "k.pem"), clientCaPath: "/ca.pem" },
      insecure: true,
      logLevel: "warn",
      drainTimeoutMs: 90_000,
      drainDelayMs: 7_000,
      limits: { connectionsMax: 7, canonicalRetriesPerSecond: 0 },
    });
  }));

test("what goes with a key ring in a file is read, too", async () => {
  await inFolder(async (folder) => {
    const { dev, keyRing } = await resolved({ dev: true, key_ring: "k.json" });
    assert.equal([dev, keyRing], [true, join(folder, "conf", "k.json")]);
  });
});

test("the command line counts more than the file", () =>
  inFolder(async () => {
    const file = { listen: "127.0.0.1:1", reflection: true, tools: ["a.js"], drain_timeout: "1s" };
    const options = { listen: "127.0.0.1:2", reflection: false, tools: ["b.js"], drainTimeout: 2000 };
    const { listen, reflection, tools, drainTimeoutMs } = await resolved(file, options);
    assert.equal([listen, reflection, tools, drainTimeoutMs], ["127.0.0.1:2", false, ["b.js"], 2000]);
  }));

test("a bad field is named", () =>
  inFolder(async () => {
    const cases: [object, RegExp][] = [
      [{ port: 1 }, /unknown field "port"/],
      [{ concurrency: 1.5 }, /concurrency: must be a whole number/],
      [{ concurrency: 10_001 }, /concurrency: must be a whole number from 0 to 10000/],
      [{ concurrency_per_client: 0 }, /concurrency_per_client: must be a whole number from 1 to 10000/],
      [{ store_connections_max: 1001 }, /store_connections_max: must be a whole number from 1 to 1000/],
      [{ drain_timeout: "soon" }, /drain_timeout: must be a time span/],
      [{ drain_timeout: "24.1h" }, /drain_timeout: must be a time span .* 24h at most/],
      [{ limits: { calls: 1 } }, /limits: has an unknown field "calls"/],
      [{ tls: { cert: "c" } }, /tls\.key: is missing/],
      [{ upstreams: [] }, /upstreams: must be a JSON object/],
      [{ upstreams: { py: { address: "unix:/x" } } }, /upstreams\.py\.descriptors: is missing/],
      [
        { upstreams: { py: { address: "unix:/x", descriptors: "d", port: 1 } } },
        /upstreams\.py: has an unknown field "port"/,
      ],
      [
        { upstreams: { py: { address: "x", descriptors: "d", max_concurrency: 0 } } },
        /upstreams\.py\.max_concurrency: must/,
      ],
      [
        { upstreams: { py: { address: "x", descriptors: "d", call_timeout: "25h" } } },
        /call_timeout: must .* 24h at most/,
      ],
      [
        { upstreams: { py: { address: "x", descriptors: "d", health: "maybe" } } },
        /upstreams\.py\.health: must be one of/,
      ],
      [{ log_level: "loud" }, /log_level: must be one of/],
    ];
    for (const [config, expected] of cases) {
      const message = await resolved(config).then(
        () => "accepted",
        (error: Error) => error.message,
      );
      assert.match(message, expected);
    }
  }));

test("a time span has a unit", () => {
  assert.equal(["500ms", "1.5s", "2m", "3h", "7d"].map(parseDuration), [500, 1500, 120_000, 10_800_000, 604_800_000]);
  assert.equal(["", "5", "5 s", "-1s", "1w", "1e3s"].map(parseDuration), Array(6).fill(undefined));
});

test.run();
