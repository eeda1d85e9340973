import { SealwireError } from "../../errors.ts";
import { systemClock as clock } from "../../runtime/clock.ts";
import { createMetrics } from "../../server/metrics/metrics.ts";
import { checkMetricsAddress } from "../../server/metrics/metrics-address.ts";
import { createWorker } from "../../server/worker.ts";
import type { ExitCode } from "../output/exit-code.ts";
import { logPrintedLines } from "../output/printed-lines.ts";
import type { Terminal } from "../output/terminal.ts";
import { HealthFile } from "../serve/health-file.ts";
import { followKeyRing, openServedSecrets, openStore } from "../serve/open-store.ts";
import { guardProcess } from "../serve/process-guard.ts";
import { resolveServeSettings, type ServeOptions, tracingOf, workOf } from "../serve/serve-settings.ts";
import { servedAudit } from "../serve/served-audit.ts";
import { openServedMcp } from "../serve/served-mcp.ts";
import { loadTools } from "../serve/served-tools.ts";
import { drainAtEnd, holdHangup, shutdownSignal } from "../serve/shutdown-signal.ts";
import { checkRing, checkStore } from "../serve/start-check.ts";
import { openTelemetry } from "../telemetry/open-telemetry.ts";

/**
 * Runs the jobs of a shared store without serving calls until SIGTERM or SIGINT, then returns running jobs to the
 * queue.
 */
export async function run(terminal: Terminal, options: ServeOptions): Promise<ExitCode> {
  using held = holdHangup();
  const settings = await resolveServeSettings(options, terminal.env);
  await using guard = guardProcess(terminal, settings.logLevel);
  const { logger, counters } = guard;
  using _printed = logPrintedLines(logger);
  const work = workOf(settings);
  if (settings.store === undefined || work === false) throw refused(settings.store);
  const audit = servedAudit(settings);
  const { healthFile: path, metricsPublic } = settings;
  checkStore(settings);
  if (audit !== undefined) await checkRing({ ...settings, dev: false });
  else if (settings.upstreams.length > 0 && options.serverId === undefined) throw noServerId();
  if (settings.metrics !== undefined) checkMetricsAddress(settings.metrics, { public: metricsPublic });
  await using _telemetry = settings.otel ? await openTelemetry({ env: terminal.env, clock, logger }) : undefined;
  await using healthFile = path === undefined ? undefined : await HealthFile.open({ path, clock, logger });
  const { tools, descriptors } = await loadTools(settings, { clock, logger });
  await using mcp = await openServedMcp(settings, { env: terminal.env, clock, logger });

  await using serverSecrets = audit && (await openServedSecrets(settings, { env: terminal.env, logger }));
  const { store, shared } = await openStore(settings, logger);
  await using _store = store;
  const ring = audit && (await followKeyRing(settings, { shared, serverSecrets, logger }));
  await using _keyRing = ring?.keyRing;
  const metrics = settings.metrics === undefined ? undefined : await createMetrics({ store, clock, counters });
  const { upstreams } = settings;
  await using worker = await createWorker({
    ...{ store, tools, descriptors, upstreams, work, logger, sources: mcp.sources },
    ...(options.serverId !== undefined && { serverId: options.serverId }),
    ...(audit && ring && { audit, keyRing: ring.keyRing }),
    observers: metrics === undefined ? [] : [metrics.observer],
    tracing: tracingOf(settings),
  });
  const shutdown = shutdownSignal({ onHangup: () => void Promise.all([ring?.renew(), worker.reload()]), held });
  await using metricsServer =
    settings.metrics === undefined ? undefined : await metrics?.listen(settings.metrics, { public: metricsPublic });

  let draining = false;
  await healthFile?.follow(() => !draining && store.condition.serving);
  terminal.print(
    JSON.stringify({
      working: worker.tools,
      concurrency: work.concurrency,
      instance: store.instanceId,
      ...(metricsServer && { metrics: metricsServer.address }),
    }),
  );
  return await drainAtEnd({
    shutdown,
    store,
    logger,
    drain() {
      draining = true;
      void healthFile?.update();
      return worker.drain(settings.drainTimeoutMs);
    },
  });
}

function noServerId(): SealwireError {
  const toDo = "Give --server-id NAME, as the servers of the store have it.";
  return new SealwireError(
    "OPTIONS_INVALID",
    `Upstreams are told the id of the server, which a worker does not know.\n${toDo}`,
  );
}

function refused(store: string | undefined): SealwireError {
  if (store !== undefined) {
    return new SealwireError("OPTIONS_INVALID", "A worker with a concurrency of 0 does nothing.\nGive 1 or more.");
  }
  const toDo = "Give --store postgres://…; with a store in a folder, `sealwire serve` runs the jobs itself.";
  return new SealwireError("OPTIONS_INVALID", `The command work needs a shared store.\n${toDo}`);
}
