import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ChangeableKeyRing, KeyRingChange } from "./changeable-key-ring.ts";
import type { LoadedRing } from "./ring-file.ts";
import type { KeyRing } from "./types.ts";

/** A place where a key ring is stored. */
export interface KeyRingBackend {
  /** Name of the backend in logs. */
  readonly name: string;
  /** Polling interval in milliseconds. */
  readonly pollMs: number;
  /** Returns the current version of the ring without loading it. Never rejects. */
  version(): Promise<string>;
  /** Loads and checks the ring. Throws KEY_RING_INVALID. */
  load(): Promise<LoadedRing>;
  /** Calls `onChange` when the ring may have changed, to reload it before the next poll. */
  watch(onChange: () => void): Disposable;
  /** Changes the stored ring atomically. Throws KEY_RING_INVALID, UNAVAILABLE and the errors of `change`. */
  change(change: KeyRingChange): Promise<void>;
  /** See {@link ChangeableKeyRing.lastUse}. */
  lastUse(): Promise<ReadonlyMap<string, number>>;
}

/** A key ring that is reloaded when it changes. */
export interface WatchedKeyRing extends ChangeableKeyRing {
  /** Checks for a change now instead of at the next poll. Never rejects: an invalid ring is logged. */
  reload(): Promise<void>;
}

/** Clock and logger of a key ring watcher. */
export interface FollowOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Loads a key ring from a backend and reloads it when it changes. An invalid ring is logged once per change, and the
 * last valid ring stays in force. Throws KEY_RING_INVALID if the ring is invalid at the start.
 */
export async function watchBackend(backend: KeyRingBackend, options: FollowOptions): Promise<WatchedKeyRing> {
  return new BackendKeyRing(backend, await backend.load(), options);
}

class BackendKeyRing implements WatchedKeyRing {
  readonly #backend: KeyRingBackend;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<(ring: KeyRing) => void>();
  readonly #watch: Disposable;
  #ring: KeyRing;
  /** Version of the ring in force. */
  #version: string;
  /** The last problem that was logged about a newer version. */
  #problem: string | undefined;
  #timer: Disposable;
  #reload: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(backend: KeyRingBackend, { ring, version }: LoadedRing, { clock, logger }: FollowOptions) {
    this.#backend = backend;
    this.#clock = clock;
    this.#logger = logger;
    this.#ring = ring;
    this.#version = version;
    this.#watch = backend.watch(() => void this.reload());
    this.#timer = this.#nextPoll();
  }

  current(): KeyRing {
    return this.#ring;
  }

  onChange(listener: (ring: KeyRing) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async change(change: KeyRingChange): Promise<void> {
    await this.#backend.change(change);
    await this.reload();
  }

  lastUse(): Promise<ReadonlyMap<string, number>> {
    return this.#backend.lastUse();
  }

  reload(): Promise<void> {
    this.#again = this.#reload !== undefined;
    this.#reload ??= this.#reloadUntilSettled().finally(() => {
      this.#reload = undefined;
    });
    return this.#reload;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer[Symbol.dispose]();
    this.#watch[Symbol.dispose]();
    this.#listeners.clear();
    await this.#reload;
  }

  async #reloadUntilSettled(): Promise<void> {
    do {
      this.#again = false;
      await this.#look();
    } while (this.#again);
  }

  async #look(): Promise<void> {
    const { name } = this.#backend;
    const seen = await this.#backend.version();
    if (this.#closed || seen === this.#version) return;
    try {
      const { ring, version } = await this.#backend.load();
      if (ring.serverId !== this.#ring.serverId) {
        throw new Error("server_id differs from the one this server started with; restart it to take another name");
      }
      this.#version = version;
      this.#ring = ring;
      this.#problem = undefined;
    } catch (error) {
      // The new version may become readable before the next poll, and may contain a revocation. Its version is not
      // recorded, so that the next poll loads it.
      this.#tellOnce(`${seen} ${(error as Error).message}`, (error as Error).message);
      return;
    }
    this.#logger.info({ path: name, keys: [...this.#ring.keys()].length }, "key ring reloaded");
    for (const listener of [...this.#listeners]) listener(this.#ring);
  }

  #tellOnce(key: string, problem: string): void {
    if (key === this.#problem) return;
    this.#problem = key;
    const path = this.#backend.name;
    this.#logger.error({ path, problem }, "key ring not reloaded, the last good one stays in force");
  }

  #nextPoll(): Disposable {
    return this.#clock.after(this.#backend.pollMs, () => {
      void this.reload().then(() => {
        if (!this.#closed) this.#timer = this.#nextPoll();
      });
    });
  }
}
