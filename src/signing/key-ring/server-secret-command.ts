import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type CommandEnd, type CommandFailure, runCommand } from "../../runtime/command-output.ts";
import type { Environment } from "../../runtime/environment.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type FetchedSecrets, keyRingError, parseFetchedSecrets, type ServerSecret } from "./document.ts";
import type { LoadedSecrets } from "./server-secret-file.ts";
import type { ServerSecretSource } from "./server-secret-source.ts";

/** Options of {@link serverSecretCommand}. */
export interface ServerSecretCommandOptions {
  /** The program and its arguments, which other users can see in the list of processes. */
  readonly command: readonly string[];
  /** Environment of the command. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Time limit of one run in milliseconds. */
const TIMEOUT_MS = 30_000;
/** Maximum size of the output in bytes. */
const OUTPUT_MOST = 64 * 1024;
/** Validity of an output that does not say it, in milliseconds. */
const DEFAULT_TTL_MS = 300_000;
/** First and longest wait after a failure, in milliseconds. The wait doubles each time. */
const RETRY_MS = { first: 5_000, longest: 300_000 };
/** Lines of stderr that are logged for each run, and their length in UTF-16 units. */
const LINES = { most: 20, length: 500 };
/** A part of a line that is long enough to be a part of a secret. */
const LONG_WORD = /[\w+/=-]{16,}/g;
/** A secret of 32 bytes or more, or a token of a secret manager: base64, base64url or hex. */
const SECRET_LIKE = /[\w-]{43,}|[A-Za-z0-9+/]{42,}={1,2}/g;
const CONTROL = /\p{Cc}+/gu;

/**
 * Server secrets that a command prints as JSON: the content of a server secret file and, optionally, `ttl_seconds`. They
 * are fetched with the first `load` and again when `ttl_seconds` have passed (default 300). After a failure the last ones
 * stay in force, which is logged once per cause, and the command is run again after 5 s, doubled each time, up to 5
 * minutes. The command's stderr is logged without what may be a secret, its stdout never. Throws OPTIONS_INVALID for an empty command.
 *
 * @example
 * ```ts
 * const command = ["aws", "secretsmanager", "get-secret-value", "--secret-id", "sealwire", "--query", "SecretString", "--output", "text"];
 * await using serverSecrets = serverSecretCommand({ command, env: process.env, clock, logger });
 * await using store = await openPostgresStore({ url: "postgres://db/sealwire" });
 * await using keyRing = await store.watchKeyRing({ serverSecrets });
 * ```
 */
export function serverSecretCommand(options: ServerSecretCommandOptions): ServerSecretSource {
  return new CommandSecrets(options);
}

class CommandSecrets implements ServerSecretSource {
  readonly name: string;
  readonly #options: ServerSecretCommandOptions;
  readonly #program: string;
  readonly #end = new AbortController();
  #secrets: readonly ServerSecret[] | undefined;
  #version = 0;
  /** When the command is due again, on the monotonic clock. */
  #dueMs = 0;
  #retryMs = RETRY_MS.first;
  /** The problem that was logged and still exists. */
  #problem: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ServerSecretCommandOptions) {
    const [program] = options.command;
    if (program === undefined) {
      throw new SealwireError("OPTIONS_INVALID", "The command for the server secrets is empty; name a program.");
    }
    this.#options = options;
    this.#program = program;
    this.name = `the output of ${program}`;
  }

  async version(): Promise<string> {
    if (this.#secrets !== undefined && this.#options.clock.monotonicMs() >= this.#dueMs) void this.renew();
    return String(this.#version);
  }

  async load(): Promise<LoadedSecrets> {
    const secrets = this.#secrets ?? this.#take(await this.#fetch());
    return { secrets, version: String(this.#version) };
  }

  renew(): Promise<void> {
    this.#running ??= this.#renew().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #renew(): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      this.#take(await this.#fetch());
    } catch (thrown) {
      this.#dueMs = clock.monotonicMs() + this.#retryMs;
      if (!this.#end.signal.aborted) this.#tellOnce(SealwireError.from(thrown));
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.longest);
      return;
    }
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    logger.info({ command: this.#program }, "the server secrets were fetched again");
  }

  /** Returns the secrets in force from now on. */
  #take({ secrets, ttlMs = DEFAULT_TTL_MS }: FetchedSecrets): readonly ServerSecret[] {
    this.#dueMs = this.#options.clock.monotonicMs() + ttlMs;
    this.#retryMs = RETRY_MS.first;
    if (this.#secrets !== undefined && areSame(this.#secrets, secrets)) return this.#secrets;
    this.#secrets = secrets;
    this.#version += 1;
    return secrets;
  }

  /** Throws UNAVAILABLE for trouble that may pass, KEY_RING_INVALID for trouble that somebody must correct. */
  async #fetch(): Promise<FetchedSecrets> {
    const { command: words, env, clock } = this.#options;
    const limits = { timeoutMs: TIMEOUT_MS, outputMost: OUTPUT_MOST };
    const end = await runCommand({ words, env, clock, signal: this.#end.signal, ...limits });
    try {
      this.#logStderr(end);
      if (end.failure !== undefined) throw failed(this.#program, end.failure);
      const fetched = parseFetchedSecrets(end.stdout, this.name);
      if (fetched.secrets.length === 0) throw keyRingError(`${this.name} holds no server secret`);
      return fetched;
    } finally {
      end.stdout.fill(0);
    }
  }

  #tellOnce({ reason, message }: SealwireError): void {
    if (this.#problem === message) return;
    this.#problem = message;
    const { logger } = this.#options;
    const fields = { command: this.#program, problem: message };
    if (reason === "UNAVAILABLE") {
      logger.warn(
        { ...fields, retry_ms: this.#retryMs },
        "server secrets not fetched, the last ones stay in force; retrying",
      );
    } else {
      logger.error(fields, "server secrets refused, the last ones stay in force until the command is corrected");
    }
  }

  #logStderr(end: CommandEnd): void {
    const { logger } = this.#options;
    const printed = end.stdout.toString("latin1");
    const lines = end.stderr.split("\n").flatMap((line) => {
      const text = line.replaceAll(CONTROL, " ").trim();
      return text === "" ? [] : [text];
    });
    for (const line of lines.slice(0, LINES.most)) {
      const repeats = (line.match(LONG_WORD) ?? []).some((word) => printed.includes(word));
      const shown = repeats ? "(a line that repeats the output is not logged)" : shownLine(line);
      logger.info({ command: this.#program, line: shown }, "the command for the server secrets wrote to stderr");
    }
  }
}

/** A command that fails may print on stderr what it should have printed on stdout, as `sh -x` does. */
function shownLine(line: string): string {
  return line.replaceAll(SECRET_LIKE, "(hidden)").slice(0, LINES.length);
}

function areSame(some: readonly ServerSecret[], others: readonly ServerSecret[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ id, secret }, index) => {
      const other = others[index];
      return other !== undefined && other.id === id && other.secret.equals(secret);
    })
  );
}

/** UNAVAILABLE for a failure that may pass, KEY_RING_INVALID for one that somebody must correct. */
function failed(program: string, { problem, passing }: CommandFailure): SealwireError {
  const what = `the command ${program} for the server secrets ${problem}`;
  return passing ? new SealwireError("UNAVAILABLE", `There are no server secrets: ${what}.`) : keyRingError(what);
}
