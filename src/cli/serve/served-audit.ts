import { write } from "node:fs";
import { promisify } from "node:util";
import type { LineWriter } from "../../audit/sink.ts";
import { SealwireError } from "../../errors.ts";
import { sleep, systemClock } from "../../runtime/clock.ts";
import type { AuditOptions } from "../../server/audit/options.ts";
import type { ServeSettings } from "../input/settings.ts";

const STDOUT = 1;
const SLOW_READER_MS = 20;
/** How long a reader may read nothing before lines count as not written, in milliseconds. */
const READER_MS = 5_000;

const writeTo = promisify(write);

/** The audit log in the settings; `undefined` for none. Throws OPTIONS_INVALID if it is required without a place. */
export function servedAudit({ audit, auditRequired: required }: ServeSettings): AuditOptions | undefined {
  if (audit !== undefined) return { to: audit === "-" ? standardOutput(STDOUT) : audit, required };
  if (!required) return undefined;
  throw new SealwireError("OPTIONS_INVALID", "An audit log is required, but has no place.\nGive --audit FILE, too.");
}

/**
 * Writes to a descriptor without blocking the event loop. What is left of lines that were written in part is written
 * before the next ones, so that no line is torn.
 */
export function standardOutput(fd: number): LineWriter {
  let rest: Uint8Array = Buffer.alloc(0);
  const writeSome = async (bytes: Uint8Array): Promise<number> => {
    const giveUpAtMs = systemClock.monotonicMs() + READER_MS;
    for (;;) {
      try {
        return (await writeTo(fd, bytes)).bytesWritten;
      } catch (error) {
        const isSlow = (error as NodeJS.ErrnoException).code === "EAGAIN";
        if (!isSlow || systemClock.monotonicMs() >= giveUpAtMs) throw error;
        await sleep(systemClock, SLOW_READER_MS);
      }
    }
  };
  return async (lines) => {
    while (rest.length > 0) rest = rest.subarray(await writeSome(rest));
    rest = lines.subarray(await writeSome(lines));
    try {
      while (rest.length > 0) rest = rest.subarray(await writeSome(rest));
    } catch {
      // The next call writes what is left, or fails.
    }
  };
}
