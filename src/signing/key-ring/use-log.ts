import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatTime, JsonFields } from "../../files/json-fields.ts";
import { parseJson } from "../../files/json-text.ts";
import { replacePrivateFile } from "../../files/private-file-write.ts";
import { readableText } from "../../files/readable-text.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";

const FLUSH_MS = 15_000;

/** Writes the last use of keys, Unix milliseconds by key id. A later time that another server wrote is kept. */
export type KeyUseWriter = (lastUse: ReadonlyMap<string, number>) => Promise<void>;

/** Options of {@link KeyUseLog}. */
export interface KeyUseLogOptions {
  readonly write: KeyUseWriter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Path of the file beside a key ring that records the last use of each key. */
export function keyUsePath(ringPath: string): string {
  return join(dirname(ringPath), "key-use.json");
}

/**
 * Reads the last use of each key, Unix milliseconds by key id. Returns an empty map if the file is absent or
 * unreadable.
 */
export async function readKeyUse(path: string): Promise<Map<string, number>> {
  try {
    return parseKeyUse(await readFile(path));
  } catch {
    return new Map();
  }
}

/** Returns a writer that stores the last use of keys in a file. */
export function keyUseFile(path: string, random: Random): KeyUseWriter {
  return async (lastUse) => {
    const merged = await readKeyUse(path);
    for (const [keyId, ms] of lastUse) merged.set(keyId, Math.max(ms, merged.get(keyId) ?? 0));
    const content = Object.fromEntries([...merged].sort().map(([keyId, ms]) => [keyId, formatTime(ms)]));
    const text = readableText(`${JSON.stringify(content, undefined, 2)}\n`, parseKeyUse);
    await replacePrivateFile(path, text, random);
  };
}

function parseKeyUse(bytes: Uint8Array): Map<string, number> {
  const value = parseJson(bytes);
  const fields = new JsonFields(value);
  return new Map(Object.keys(value as object).map((keyId) => [keyId, fields.time(keyId)]));
}

/**
 * Records the last use of each key and writes it every 15 s and when disposed. The record shows operators which keys
 * are still used. The server does not depend on it, so a failed write is only logged.
 */
export class KeyUseLog implements AsyncDisposable {
  readonly #options: KeyUseLogOptions;
  readonly #lastUse = new Map<string, number>();
  #changed = false;
  #closed = false;
  #timer: Disposable;

  constructor(options: KeyUseLogOptions) {
    this.#options = options;
    this.#timer = this.#nextFlush();
  }

  /** Last use of each key since the start, Unix milliseconds by key id. */
  get lastUse(): ReadonlyMap<string, number> {
    return this.#lastUse;
  }

  record(keyId: string, nowMs: number): void {
    this.#lastUse.set(keyId, nowMs);
    this.#changed = true;
  }

  /** Writes the recorded uses. */
  async flush(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const { write, logger } = this.#options;
    try {
      await write(this.#lastUse);
    } catch (error) {
      this.#changed = true;
      logger.warn({ problem: String(error) }, "last use of keys not written");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer[Symbol.dispose]();
    await this.flush();
  }

  #nextFlush(): Disposable {
    return this.#options.clock.after(FLUSH_MS, () => {
      void this.flush().then(() => {
        if (!this.#closed) this.#timer = this.#nextFlush();
      });
    });
  }
}
