import { mkdir } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { openSqliteStore } from "../../jobs/sqlite/open.ts";
import { systemClock as clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom as random } from "../../runtime/random.ts";
import { createMetrics } from "../../server/metrics.ts";
import { createServer } from "../../server/server.ts";
import { KeyUseLog, keyUsePath } from "../../signing/key-ring/use-log.ts";
import { watchKeyRing } from "../../signing/key-ring/watched-ring.ts";
import { demoTools } from "../../tools/demo-tools.ts";
import { dataFolder } from "../data-folder.ts";
import { ensureDevClient, ensureDevRing } from "../dev-setup.ts";
import { ExitCode } from "../exit-code.ts";
import { fileExists } from "../file-exists.ts";
import { stderrLogger } from "../log.ts";
import { resolveServeSettings, type ServeOptions, type ServeSettings } from "../serve-settings.ts";
import { shutdownSignal } from "../shutdown-signal.ts";
import type { Terminal } from "../terminal.ts";
import { loadToolsModule, type ToolsModule } from "../tools-module.ts";

/** Runs a server until SIGTERM or SIGINT, then drains it. */
export async function run(terminal: Terminal, options: ServeOptions): Promise<ExitCode> {
  const settings = await resolveServeSettings(options);
  const logger = stderrLogger(settings.logLevel);
  const { tools, descriptors } = await loadTools(settings);
  const files = dataFolder(settings.data);
  await mkdir(settings.data, { recursive: true, mode: 0o700 });
  if (settings.dev) await ensureDevRing(settings.keyRing, logger);
  else if (!(await fileExists(settings.keyRing))) throw noKeyRing(settings.keyRing);

  await using keyRing = await watchKeyRing({ path: settings.keyRing, clock, logger });
  await using store = await openSqliteStore({ path: files.store, clock, random, logger });
  await using keyUse = new KeyUseLog({ path: keyUsePath(settings.keyRing), clock, random, logger });
  const metrics = settings.metrics === undefined ? undefined : createMetrics({ store, clock });
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
  await using metricsServer = settings.metrics === undefined ? undefined : await metrics?.listen(settings.metrics);
  const { address } = await server.listen(settings.listen);
  if (settings.dev) {
    await ensureDevClient({ path: files.credentials, ringPath: settings.keyRing, listening: address, logger });
    await keyRing.reload();
  }

  terminal.print(
    JSON.stringify({
      listening: address,
      server_id: keyRing.current().serverId,
      ...(metricsServer && { metrics: metricsServer.address }),
    }),
  );
  await drainOn(await shutdown, logger, () => server.drain(settings.drainTimeoutMs));
  return ExitCode.done;
}

async function drainOn(signal: string, logger: Logger, drain: () => Promise<void>): Promise<void> {
  logger.info({ signal }, "draining; a second signal ends the process at once");
  await drain();
  logger.info({}, "drained");
}

function noKeyRing(path: string): SealwireError {
  const toDo = "Make one with `sealwire keys add CLIENT --server-id NAME`, or give --dev to try things out.";
  return new SealwireError("OPTIONS_INVALID", `There is no key ring ${path}.\n${toDo}`);
}

async function loadTools(settings: ServeSettings): Promise<ToolsModule> {
  const modules = await Promise.all(settings.tools.map(loadToolsModule));
  const tools = [...(settings.demoTools ? [demoTools(clock)] : []), ...modules.flatMap((module) => module.tools)];
  if (tools.length > 0) return { tools, descriptors: modules.flatMap((module) => module.descriptors) };
  throw new SealwireError(
    "OPTIONS_INVALID",
    "There are no tools to serve.\nGive --tools MODULE, --demo-tools or --dev.",
  );
}

function workOf({ concurrency, concurrencyPerClient: perOwner }: ServeSettings) {
  return concurrency > 0 && { concurrency, ...(perOwner !== undefined && { perOwner }) };
}
