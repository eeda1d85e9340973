import { readFileSync } from "node:fs";

/**
 * Identifies the current boot of the kernel; `undefined` where the system provides no id. Within one boot the unsynced
 * writes of a killed process survive in the kernel's memory. After another boot only synced writes exist.
 */
export function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
