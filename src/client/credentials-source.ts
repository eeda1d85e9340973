import { stat } from "node:fs/promises";
import { SealwireError } from "../errors.ts";
import { fileVersion } from "../files/private-file.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { type ClientCredentials, loadCredentialsFile } from "../signing/key-ring/credentials.ts";

/** Credentials that may be replaced while a client uses them. */
export interface CredentialsSource {
  /** The credentials for the next attempt. Called for every attempt. Must not throw. */
  current(): ClientCredentials;
  /**
   * Called when a server has refused `used`. Resolves to true if {@link current} now returns others, with which the client
   * tries again, at most three times for one operation.
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
/** Time in which new credentials may be unknown to a server, such as one whose key ring is mounted. */
const SETTLING_MS = 120_000;
/** How long the previous credentials are used again after new ones were refused in that time. */
const FALLBACK_MS = 5_000;

/**
 * Reads a credentials file, and reads it again when it has changed: within a second or two of use, and before an
 * operation fails because its key is refused. So a rotated key reaches a running client by its file alone. While servers do
 * not know a new key yet, the previous one is used. A file that cannot be used is logged, and the previous credentials stay
 * in use. The client keeps its connections, so a changed address takes effect with the next client. Throws OPTIONS_INVALID
 * if the file is invalid or if users other than its owner can read it.
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
  /** The credentials in use: the newest, or for a while the ones before. */
  #used: ClientCredentials;
  #newest: ClientCredentials;
  /** The credentials before the newest, until these are settled or the ones before are refused. */
  #before: ClientCredentials | undefined;
  #settledAtMs = -Infinity;
  /** When the newest are used again. */
  #newestAtMs = -Infinity;
  /** The version of the file that was read last; "" if it could not be read. */
  #version: string;
  #lookedAtMs: number;
  #look: Promise<void> | undefined;

  constructor(options: Required<FileCredentialsOptions>, credentials: ClientCredentials, version: string) {
    this.#options = options;
    this.#used = credentials;
    this.#newest = credentials;
    this.#version = version;
    this.#lookedAtMs = options.clock.monotonicMs();
  }

  current(): ClientCredentials {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#lookedAtMs >= LOOK_INTERVAL_MS) void this.#lookAtFile();
    if (nowMs >= this.#newestAtMs) this.#used = this.#newest;
    return this.#used;
  }

  async renew(used: ClientCredentials): Promise<boolean> {
    // A look that is under way may have begun before the file changed.
    if (this.#used === used) await this.#look;
    if (this.#used === used) await this.#lookAtFile();
    return this.#used !== used || this.#switchFrom(used);
  }

  /** Switches between the newest credentials and the ones before. False if there are no others to try. */
  #switchFrom(refused: ClientCredentials): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (refused === this.#newest) {
      if (this.#before === undefined || nowMs >= this.#settledAtMs) return false;
      this.#used = this.#before;
      this.#newestAtMs = nowMs + FALLBACK_MS;
    } else {
      this.#before = undefined;
      this.#used = this.#newest;
      this.#newestAtMs = nowMs;
    }
    return true;
  }

  /** Several callers share one look. Never rejects. */
  #lookAtFile(): Promise<void> {
    this.#lookedAtMs = this.#options.clock.monotonicMs();
    // Whatever a user's logger throws.
    const ignore = (): void => {};
    this.#look ??= this.#readIfChanged()
      .catch(ignore)
      .finally(() => {
        this.#look = undefined;
      });
    return this.#look;
  }

  async #readIfChanged(): Promise<void> {
    const { path } = this.#options;
    try {
      const status = await stat(path, { bigint: true });
      // A pipe gives its content once, and opening it again may wait for ever.
      if (fileVersion(status) === this.#version || !status.isFile()) return;
      this.#version = "";
      const { credentials, version } = await loadCredentialsFile(path);
      this.#version = version;
      if (!areEqual(credentials, this.#newest)) this.#adopt(credentials);
    } catch (thrown) {
      await this.#report(thrown);
    }
  }

  #adopt(credentials: ClientCredentials): void {
    checkSameServer(credentials, this.#newest);
    const { clock, logger, path } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#before = this.#used;
    this.#settledAtMs = nowMs + SETTLING_MS;
    this.#newest = credentials;
    this.#newestAtMs = nowMs;
    this.#used = credentials;
    logger.info({ path, key_id: credentials.keyId }, "credentials were read again");
  }

  /** Logs why the file cannot be used. It is read again when it changes, or at the next look if it could not be read. */
  async #report(err: unknown): Promise<void> {
    const { path, logger } = this.#options;
    const fault = (err instanceof SealwireError ? err.cause : err) as NodeJS.ErrnoException | undefined;
    // While it is replaced, a file may be missing for a moment.
    if (fault?.code === "ENOENT") return;
    if (fault?.syscall === undefined) {
      // A verdict on the content or the mode, which holds until the file changes.
      this.#version = await stat(path, { bigint: true }).then(fileVersion, () => "");
    }
    logger.warn({ path, err }, "the credentials file has changed and cannot be used; the previous credentials stay");
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

/** True if both are the same keys of the same client and server. */
export function areEqual(a: ClientCredentials, b: ClientCredentials): boolean {
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
