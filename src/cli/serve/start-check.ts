import { createSecureContext } from "node:tls";
import { checkConsolePlace } from "../../console/options.ts";
import { readConsoleTokens } from "../../console/principals.ts";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { checkListening } from "../../server/listen/listener.ts";
import { readTlsFiles } from "../../server/listen/tls-files.ts";
import { checkMetricsAddress } from "../../server/metrics/metrics-address.ts";
import { loadRingFile } from "../../signing/key-ring/ring-file.ts";
import { loadServerSecrets } from "../../signing/key-ring/server-secret-file.ts";
import { readTarget } from "../../store/postgres/connection/connection.ts";
import { dataFolder } from "../input/data-folder.ts";
import { isSecretCommand } from "../input/server-secrets.ts";
import type { ServeSettings } from "../input/settings.ts";
import { checkDevClient } from "./dev-setup.ts";
import { servedAudit } from "./served-audit.ts";
import { checkToolsNamed } from "./served-tools.ts";

/**
 * Checks the settings of a server as far as possible without opening a store or a port. Changes nothing. Throws
 * OPTIONS_INVALID or KEY_RING_INVALID naming the setting.
 */
export async function checkStart(settings: ServeSettings): Promise<void> {
  checkToolsNamed(settings);
  checkStore(settings);
  checkListening(settings);
  servedAudit(settings);
  if (settings.tls !== undefined) checkCertificate(settings.tls);
  if (settings.metrics !== undefined) checkMetricsAddress(settings.metrics, { public: settings.metricsPublic });
  await checkConsole(settings);
  await checkRing(settings);
}

async function checkConsole({ console: listen, tls, consoleTokenFile }: ServeSettings): Promise<void> {
  if (consoleTokenFile !== undefined) await readConsoleTokens(consoleTokenFile);
  if (listen !== undefined) checkConsolePlace({ listen, tls, hasPrincipals: consoleTokenFile !== undefined });
}

/** Checks that the other settings are compatible with the store. Throws OPTIONS_INVALID. */
export function checkStore({ store, requireSyncReplication, reusePort }: ServeSettings): void {
  if (store !== undefined) {
    readTarget(store);
    return;
  }
  if (requireSyncReplication) {
    const toDo = "Give --store postgres://…, too, or leave --require-sync-replication out.";
    throw new SealwireError("OPTIONS_INVALID", `A store in a folder is not replicated.\n${toDo}`);
  }
  if (reusePort) {
    const toDo = "Give --store postgres://…, too, or leave out --reuse-port.";
    throw new SealwireError("OPTIONS_INVALID", `Processes that share a port must share a store.\n${toDo}`);
  }
}

function checkCertificate(tls: NonNullable<ServeSettings["tls"]>): void {
  const files = readTlsFiles(tls);
  try {
    createSecureContext(files);
  } catch (cause) {
    const what = `The certificate ${tls.certificatePath} cannot be used with ${tls.privateKeyPath}: ${(cause as Error).message}.`;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${what}\nGive --tls-cert and --tls-key files in PEM that belong together.`,
      { cause },
    );
  }
}

/** Checks the key ring in the settings. Throws OPTIONS_INVALID or KEY_RING_INVALID. */
export async function checkRing({ dev, data, keyRing, serverSecretFile, listen }: ServeSettings): Promise<void> {
  if (serverSecretFile !== undefined) {
    // A command is run once, when its stderr can be logged.
    if (!isSecretCommand(serverSecretFile)) await loadServerSecrets(serverSecretFile);
    return;
  }
  const exists = await fileExists(keyRing);
  if (!exists && !dev) throw noKeyRing(keyRing);
  const ring = exists ? (await loadRingFile(keyRing)).ring : undefined;
  if (dev) await checkDevClient({ path: dataFolder(data).credentials, ringPath: keyRing, ring, listening: listen });
}

function noKeyRing(path: string): SealwireError {
  const toDo = "Make one with `sealwire keys add CLIENT --server-id NAME`, or give --dev to try things out.";
  return new SealwireError("OPTIONS_INVALID", `There is no key ring ${path}.\n${toDo}`);
}
