import { stat } from "node:fs/promises";
import { SealwireError } from "../errors.ts";
import { fileVersion } from "../files/private-file.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { type ClientCredentials, loadCredentialsFile } from "../signing/key-ring/credentials.ts";

/** Credentials that may be replaced while a client uses them. */
export interface CredentialsSource {
  /** The credentials for the next attempt. */
  current(): ClientCredentials;
  /**
   * Called when the server has refused `used`. Resolves to true if {@link current} now returns others, with which the
   * client tries again. Must not reject.
   */
  renew(used: ClientCredentials): Promise<boolean>;
}

/** Options of {@link fileCredentials}. */
export interface FileCredentialsOptions {
  /** A credentials file, which must be private: mode 0600. */
  readonly path: string;
  /** Logs a changed file, and one that cannot be used. Default: no logger. */
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Minimum time between two looks at the file, unless the server has refused its credentials. */
const LOOK_INTERVAL_MS = 1_000;

/**
 * Reads a credentials file, and reads it again when it has changed: within a second or two of use, and before a call
 * fails with CREDENTIALS_REFUSED. So a rotated key reaches a running client by its file alone. A file that cannot be used is
 * logged, and the previous credentials stay in use. The client keeps its connections, so a changed address takes effect
 * with the next client. Throws OPTIONS_INVALID if the file is invalid or if users other than its owner can read it.
 *
 * @example
 * ```ts
 * const credentials = await fileCredentials({ path: ".sealwire/client.json" });
 * await using client = new SealwireClient({ credentials });
 * ```
 */
export async function fileCredentials({
  path,
  logger = silentLogger,
  clock = systemClock,
}: FileCredentialsOptions): Promise<CredentialsSource> {
  const { credentials, version } = await loadCredentialsFile(path);
  return new FileCredentials({ path, logger, clock }, credentials, version);
}

class FileCredentials implements CredentialsSource {
  readonly #options: Required<FileCredentialsOptions>;
  #credentials: ClientCredentials;
  /** The version of the file that was looked at last, whether it could be used or not. */
  #version: string;
  #lookedAtMs: number;
  #look: Promise<void> | undefined;

  constructor(options: Required<FileCredentialsOptions>, credentials: ClientCredentials, version: string) {
    this.#options = options;
    this.#credentials = credentials;
    this.#version = version;
    this.#lookedAtMs = options.clock.monotonicMs();
  }

  current(): ClientCredentials {
    if (this.#options.clock.monotonicMs() - this.#lookedAtMs >= LOOK_INTERVAL_MS) void this.#lookAtFile();
    return this.#credentials;
  }

  async renew(used: ClientCredentials): Promise<boolean> {
    // A look that is under way may have begun before the file changed.
    if (this.#credentials === used) await this.#look;
    if (this.#credentials === used) await this.#lookAtFile();
    return this.#credentials !== used;
  }

  /** Several callers share one look. Never rejects. */
  #lookAtFile(): Promise<void> {
    this.#lookedAtMs = this.#options.clock.monotonicMs();
    this.#look ??= this.#readIfChanged().finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  async #readIfChanged(): Promise<void> {
    const { path, logger } = this.#options;
    try {
      const seen = fileVersion(await stat(path, { bigint: true }));
      if (seen === this.#version) return;
      this.#version = seen;
      const { credentials, version } = await loadCredentialsFile(path);
      this.#version = version;
      if (areEqual(credentials, this.#credentials)) return;
      checkSameServer(credentials, this.#credentials);
      this.#credentials = credentials;
      logger.info({ path, key_id: credentials.keyId }, "credentials were read again");
    } catch (err) {
      // While it is replaced, a file may be missing for a moment.
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return;
      logger.warn({ path, err }, "the credentials file has changed and cannot be used; the previous credentials stay");
    }
  }
}

/** Other clients have other jobs and request ids, so handles and retries would not find theirs. */
function checkSameServer(next: ClientCredentials, previous: ClientCredentials): void {
  if (next.clientId === previous.clientId && next.serverId === previous.serverId) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `The new credentials are those of client ${next.clientId} for server ${next.serverId}, not of ${previous.clientId} for ${previous.serverId}. Make a client of its own with them.`,
  );
}

function areEqual(a: ClientCredentials, b: ClientCredentials): boolean {
  return (
    a.keyId === b.keyId &&
    a.clientId === b.clientId &&
    a.serverId === b.serverId &&
    a.serverFingerprint === b.serverFingerprint &&
    a.requestKey.equals(b.requestKey) &&
    a.responseKey.equals(b.responseKey)
  );
}

/** A source of credentials that do not change. */
export function fixedCredentials(credentials: ClientCredentials): CredentialsSource {
  return { current: () => credentials, renew: async () => false };
}
