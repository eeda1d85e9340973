import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../../src/runtime/logger.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { addKey, newKeyRing } from "../../../src/signing/key-ring/changes.ts";
import type { KeyRingDocument } from "../../../src/signing/key-ring/document.ts";

/** When the rings of these tests are made. */
export const MADE_AT_MS = Date.parse("2026-11-22T12:00:00Z");

export const context = { nowMs: MADE_AT_MS, random: systemRandom };

/** A ring with one key of client "alice" for all tools. */
export function ringOfAlice(): { document: KeyRingDocument; keyId: string } {
  return addKey(newKeyRing("test-server", context), { clientId: "alice", tools: ["*"] }, context);
}

/** Runs `body` in an empty folder of its own. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-ring-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Waits until `condition` holds, at most 20 s. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: { level: string; fields: object; message: string | undefined }[] = [];
  debug = this.#record("debug");
  info = this.#record("info");
  warn = this.#record("warn");
  error = this.#record("error");

  child(): Logger {
    return this;
  }

  #record(level: string) {
    return (fields: object, message?: string) => void this.lines.push({ level, fields, message });
  }
}

/** Runs `action` and returns what it threw. */
export async function thrownBy(action: () => unknown): Promise<Error> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`threw ${String(error)}, which is no Error`);
  }
  throw new Error("nothing was thrown");
}
