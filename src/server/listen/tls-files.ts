import { readFileSync, statSync } from "node:fs";
import type { SecureContextOptions, Server } from "node:tls";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import type { ServerTlsOptions } from "../options.ts";

const CHECK_INTERVAL_MS = 1000;

/** Reads the certificate files. Throws OPTIONS_INVALID naming the file that cannot be read. */
export function readTlsFiles(tls: ServerTlsOptions): SecureContextOptions {
  return {
    cert: readPem(tls.certificatePath, "certificate"),
    key: readPem(tls.privateKeyPath, "private key"),
    ...(tls.clientCaPath === undefined ? {} : { ca: readPem(tls.clientCaPath, "client CA") }),
  };
}

/** Reloads changed certificates for new connections. If they cannot be read, the old ones stay in use. */
export function watchTlsFiles(
  tls: ServerTlsOptions,
  server: Server,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): AsyncDisposable {
  let seen = fingerprint(tls);
  return runPeriodically(clock, CHECK_INTERVAL_MS, async () => {
    const now = fingerprint(tls);
    if (now === seen) return;
    seen = now;
    try {
      server.setSecureContext(readTlsFiles(tls));
      logger.info({ certificate: tls.certificatePath }, "certificates reloaded");
    } catch (error) {
      logger.error(
        { err: error, certificate: tls.certificatePath },
        "certificates cannot be reloaded; the old ones stay in use",
      );
    }
  });
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new SealwireError("OPTIONS_INVALID", `The ${what} ${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

/** A text that changes with each of the files. Symlinks are followed, so that a replaced mount is detected. */
function fingerprint(tls: ServerTlsOptions): string {
  return [tls.certificatePath, tls.privateKeyPath, tls.clientCaPath ?? ""]
    .map((path) => {
      const stat = path === "" ? undefined : statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? "" : `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
    })
    .join("|");
}
