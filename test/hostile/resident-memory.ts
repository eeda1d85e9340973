import { readFile } from "node:fs/promises";

/** The memory that a process has resident, in MiB. Linux only. Throws if the process is gone. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kiB] = /^VmRSS:\s*(\d+) kB$/m.exec(status) ?? [];
  // A process that has ended, and that nobody has waited for, has a file without it.
  if (kiB === undefined) throw new Error(`process ${pid} has no memory: it has ended`);
  return Number(kiB) / 1024;
}
