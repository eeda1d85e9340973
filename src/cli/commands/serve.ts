import { mkdir } from "node:fs/promises";
import { fileExists } from "../../files/file-exists.ts";
import { systemClock as clock, sleep } from "../../runtime/clock.ts";
import { checkOffered } from "../../server/live-tools.ts";
import { createMetrics } from "../../server/metrics/metrics.ts";
import { createServer } from "../../server/server.ts";
import { KeyUseLog } from "../../signing/key-ring/use-log.ts";
import { dataFolder } from "../input/data-folder.ts";
import type { ExitCode } from "../output/exit-code.ts";
import { logPrintedLines } from "../output/printed-lines.ts";
import type { Terminal } from "../output/terminal.ts";
import { sayServing } from "../serve/dev-greeting.ts";
import { ensureDevClient, ensureDevRing } from "../serve/dev-setup.ts";
import { HealthFile } from "../serve/health-file.ts";
import { followKeyRing, openServedSecrets, openStore } from "../serve/open-store.ts";
import { guardProcess } from "../serve/process-guard.ts";
import { resolveServeSettings, type ServeOptions, tracingOf, workOf } from "../serve/serve-settings.ts";
import { servedAudit } from "../serve/served-audit.ts";
import { openServedConsole } from "../serve/served-console.ts";
import { openServedMcp } from "../serve/served-mcp.ts";
import { noteServedStore } from "../serve/served-store.ts";
import { loadTools } from "../serve/served-tools.ts";
import { drainAtEnd, holdHangup, shutdownSignal } from "../serve/shutdown-signal.ts";
import { checkStart } from "../serve/start-check.ts";
import { openTelemetry } from "../telemetry/open-telemetry.ts";

/** Runs a server until SIGTERM or SIGINT, then drains it. */
export async function run(terminal: Terminal, options: ServeOptions): Promise<ExitCode> {
  using held = holdHangup();
  const settings = await resolveServeSettings(options, terminal.env);
  await checkStart(settings);
  // With --dev on a terminal the log is text for people, otherwise JSON lines.
  const forPeople = settings.dev && terminal.drawable;
  await using guard = guardProcess(terminal, settings.logLevel, { forPeople });
  const { logger, counters } = guard;
  using _printed = logPrintedLines(logger);
  await using _telemetry = settings.otel ? await openTelemetry({ env: terminal.env, clock, logger }) : undefined;
  const { healthFile: path, metricsPublic, drainDelayMs } = settings;
  await using healthFile = path === undefined ? undefined : await HealthFile.open({ path, clock, logger });
  const { tools, descriptors } = await loadTools(settings, { clock, logger });
  await using mcp = await openServedMcp(settings, { env: terminal.env, clock, logger });
  const { sources } = mcp;
  // A failed first start must leave no files.
  const isFirst = settings.store === undefined && !(await fileExists(dataFolder(settings.data).store));
  const { upstreams } = settings;
  if (isFirst) await checkOffered({ tools, descriptors, upstreams, sources }, { clock, logger });
  if (settings.dev) {
    await mkdir(settings.data, { recursive: true, mode: 0o700 });
    await ensureDevRing(settings.keyRing, logger);
  }

  const { serverSecretFile } = settings;
  await using serverSecrets = await openServedSecrets(settings, { env: terminal.env, logger });
  const { store, shared } = await openStore(settings, logger);
  await using _store = store;
  const { keyRing, writeKeyUse, renew } = await followKeyRing(settings, { shared, serverSecrets, logger });
  await using _keyRing = keyRing;
  if (serverSecretFile === undefined) await noteServedStore({ ringPath: settings.keyRing, store, logger });
  await using keyUse = new KeyUseLog({ write: writeKeyUse, clock, logger });
  const metrics = settings.metrics === undefined ? undefined : await createMetrics({ store, keyRing, clock, counters });
  const audit = servedAudit(settings);
  await using server = await createServer({
    ...(audit && { audit }),
    keyRing,
    store,
    tools,
    descriptors,
    upstreams,
    sources,
    work: workOf(settings),
    ...(settings.tls && { tls: settings.tls }),
    insecurePlaintext: settings.insecure,
    operatorPayloads: settings.operatorPayloads,
    reflection: settings.reflection,
    limits: settings.limits,
    observers: metrics === undefined ? [] : [metrics.observer],
    onKeyUsed(keyId) {
      keyUse.record(keyId, clock.nowMs());
      metrics?.noteKeyUse(keyId);
    },
    tracing: tracingOf(settings),
    logger,
    clock,
  });
  const shutdown = shutdownSignal({ onHangup: () => void Promise.all([renew(), server.reload()]), held });
  await using metricsServer =
    settings.metrics === undefined ? undefined : await metrics?.listen(settings.metrics, { public: metricsPublic });
  const { address } = await server.listen(settings.listen, { reusePort: settings.reusePort });
  if (settings.dev) {
    const { credentials } = dataFolder(settings.data);
    await ensureDevClient({ path: credentials, ringPath: settings.keyRing, listening: address, logger });
    await keyRing.reload();
  }

  await healthFile?.follow(() => server.serving);
  const { serverId } = keyRing.current();
  const metricsAddress = metricsServer?.address;
  await using served = await openServedConsole(settings, { server, keyRing, address, terminal, clock, logger });
  if (forPeople) {
    const console = served?.url ?? served?.origin;
    sayServing(terminal, { settings, tools: server.tools, address, serverId, metrics: metricsAddress, console });
  }
  if (!forPeople || terminal.dataColumns === undefined) {
    terminal.print(
      JSON.stringify({
        listening: address,
        server_id: serverId,
        instance: store.instanceId,
        ...(metricsAddress && { metrics: metricsAddress }),
        ...(served && { console: served.origin }),
        ...(served?.urlFile && { console_url_file: served.urlFile }),
      }),
    );
  }
  return await drainAtEnd({
    shutdown,
    store,
    logger,
    async drain() {
      server.announceDrain();
      void healthFile?.update();
      if (drainDelayMs > 0) await sleep(clock, drainDelayMs);
      await server.drain(settings.drainTimeoutMs);
    },
  });
}
