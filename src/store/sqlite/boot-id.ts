import { readFileSync } from "node:fs";

/**
 * Names this boot of the kernel, `undefined` where the system tells none. While it stays the same, what a killed
 * process had written is still in the kernel's memory; once it changes, only what was synced has survived.
 */
export function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
