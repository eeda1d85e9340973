import { mkdir } from "node:fs/promises";
import { systemClock as clock, sleep } from "../../runtime/clock.ts";
import { createMetrics } from "../../server/metrics.ts";
import { checkTools, createServer } from "../../server/server.ts";
import { KeyUseLog } from "../../signing/key-ring/use-log.ts";
import { dataFolder } from "../data-folder.ts";
import { sayServing } from "../dev-greeting.ts";
import { ensureDevClient, ensureDevRing } from "../dev-setup.ts";
import type { ExitCode } from "../exit-code.ts";
import { fileExists } from "../file-exists.ts";
import { HealthFile } from "../health-file.ts";
import { followKeyRing, openStore } from "../open-store.ts";
import { logPrintedLines } from "../printed-lines.ts";
import { guardProcess } from "../process-guard.ts";
import { resolveServeSettings, type ServeOptions, workOf } from "../serve-settings.ts";
import { noteServedStore } from "../served-store.ts";
import { loadTools } from "../served-tools.ts";
import { drainAtEnd, shutdownSignal } from "../shutdown-signal.ts";
import { checkStart } from "../start-check.ts";
import type { Terminal } from "../terminal.ts";

/** Runs a server until SIGTERM or SIGINT, then drains it. */
export async function run(terminal: Terminal, options: ServeOptions): Promise<ExitCode> {
  const settings = await resolveServeSettings(options, terminal.env);
  await checkStart(settings);
  // Who tries things out in a terminal reads along; programs get lines of JSON.
  const forPeople = settings.dev && terminal.drawable;
  await using guard = guardProcess(terminal, settings.logLevel, { forPeople });
  const { logger, counters } = guard;
  using _printed = logPrintedLines(logger);
  const { healthFile: path, metricsPublic, drainDelayMs } = settings;
  await using healthFile = path === undefined ? undefined : await HealthFile.open({ path, clock, logger });
  const { tools, descriptors } = await loadTools(settings, { clock, logger });
  // A first start that fails leaves nothing behind.
  const isFirst = settings.store === undefined && !(await fileExists(dataFolder(settings.data).store));
  if (isFirst) checkTools({ tools, descriptors });
  if (settings.dev) {
    await mkdir(settings.data, { recursive: true, mode: 0o700 });
    await ensureDevRing(settings.keyRing, logger);
  }

  const { store, shared } = await openStore(settings, logger);
  await using _store = store;
  const { keyRing, writeKeyUse } = await followKeyRing(settings, shared, logger);
  await using _keyRing = keyRing;
  if (settings.serverSecretFile === undefined) await noteServedStore({ ringPath: settings.keyRing, store, logger });
  await using keyUse = new KeyUseLog({ write: writeKeyUse, clock, logger });
  const metrics = settings.metrics === undefined ? undefined : await createMetrics({ store, clock, counters });
  await using server = await createServer({
    keyRing,
    store,
    tools,
    descriptors,
    work: workOf(settings),
    ...(settings.tls && { tls: settings.tls }),
    insecurePlaintext: settings.insecure,
    reflection: settings.reflection,
    limits: settings.limits,
    observers: metrics === undefined ? [] : [metrics.observer],
    onKeyUsed(keyId) {
      keyUse.record(keyId, clock.nowMs());
      metrics?.noteKeyUse(keyId);
    },
    logger,
    clock,
  });
  const shutdown = shutdownSignal({ onHangup: () => void keyRing.reload() });
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
  if (forPeople)
    sayServing(terminal, { settings, modules: { tools, descriptors }, address, serverId, metrics: metricsAddress });
  if (!forPeople || terminal.dataColumns === undefined) {
    terminal.print(
      JSON.stringify({ listening: address, server_id: serverId, ...(metricsAddress && { metrics: metricsAddress }) }),
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
