import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { watchFolder } from "./folder-hints.ts";
import { fileVersion } from "./private-file.ts";
import { type LoadedRing, loadRingFile } from "./ring-file.ts";
import type { KeyRing, KeyRingSource } from "./types.ts";

const POLL_MS = 1000;
/** An editor that writes in place reports several changes: look once they are over. */
const HINT_MS = 50;

/** Which file to follow, and with what. */
export interface WatchedRingOptions {
  readonly path: string;
  readonly clock?: Clock;
  /** Told of each reload and of files that cannot be used; by default nobody is. */
  readonly logger?: Logger;
}

/** A ring that follows its file. */
export interface WatchedKeyRing extends KeyRingSource {
  /** Looks at the file now rather than at the next poll. Never rejects: a broken file is logged. */
  reload(): Promise<void>;
}

/**
 * Loads a key ring and follows its file, which is looked at every second and at once when the system reports a change
 * in its folder. A file that became unusable is logged once per change and leaves the last good ring in force. Throws
 * KEY_RING_INVALID if the file cannot be used at the start.
 */
export async function watchKeyRing(options: WatchedRingOptions): Promise<WatchedKeyRing> {
  return new FileKeyRing(options, await loadRingFile(options.path));
}

class FileKeyRing implements WatchedKeyRing {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<(ring: KeyRing) => void>();
  readonly #hints: Disposable;
  #ring: KeyRing;
  /** Of the file as last looked at, usable or not. */
  #version: string;
  #timer: Disposable;
  #hint: Disposable | undefined;
  #reload: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor({ path, clock = systemClock, logger = silentLogger }: WatchedRingOptions, { ring, version }: LoadedRing) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.#ring = ring;
    this.#version = version;
    this.#hints = watchFolder(dirname(path), (name) => this.#onHint(name));
    this.#timer = this.#nextPoll();
  }

  current(): KeyRing {
    return this.#ring;
  }

  onChange(listener: (ring: KeyRing) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
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
    this.#hint?.[Symbol.dispose]();
    this.#hints[Symbol.dispose]();
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
    const seen = await currentVersion(this.#path);
    if (this.#closed || seen === this.#version) return;
    this.#version = seen;
    try {
      const { ring, version } = await loadRingFile(this.#path);
      if (ring.serverId !== this.#ring.serverId) {
        throw new Error("server_id differs from the one this server started with; restart it to take another name");
      }
      this.#version = version;
      this.#ring = ring;
    } catch (error) {
      const problem = (error as Error).message;
      this.#logger.error({ path: this.#path, problem }, "key ring not reloaded, the last good one stays in force");
      return;
    }
    this.#logger.info({ path: this.#path, keys: [...this.#ring.keys()].length }, "key ring reloaded");
    for (const listener of [...this.#listeners]) listener(this.#ring);
  }

  #nextPoll(): Disposable {
    return this.#clock.after(POLL_MS, () => {
      void this.reload().then(() => {
        if (!this.#closed) this.#timer = this.#nextPoll();
      });
    });
  }

  #onHint(name: string | null): void {
    // A busy database may share the folder. Kubernetes swaps the symlink "..data" that the file's own link leads through.
    const concerns = name === null || name === basename(this.#path) || name.startsWith("..");
    if (!concerns || this.#hint !== undefined) return;
    this.#hint = this.#clock.after(HINT_MS, () => {
      this.#hint = undefined;
      void this.reload();
    });
  }
}

/** The version of the file at the end of any symlinks, or why there is none. */
async function currentVersion(path: string): Promise<string> {
  try {
    const status = await stat(path, { bigint: true });
    return fileVersion(status);
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
