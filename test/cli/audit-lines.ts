import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";

/** A line of an audit log. */
export interface Line {
  readonly action: string;
  readonly outcome: string;
  readonly sequence: number;
  readonly chain: string;
  readonly server: string;
  readonly instance: string;
  readonly request_id?: string;
  readonly job_id?: string;
  readonly attempt?: number;
  readonly args_sha256?: string;
  readonly details?: { readonly [name: string]: unknown };
}

/** The lines of a file, without those that a full disk has torn and those of the test. */
export function linesOf(file: string): Line[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.endsWith('"}') && line.includes('"mac":'))
    .map((line) => JSON.parse(line) as Line);
}

/** The lines with this action. */
export function actionsOf(file: string, action: string): Line[] {
  return linesOf(file).filter((line) => line.action === action);
}

/**
 * Lets the files of a process grow no more, as on a full disk. Pads the log, so that only its next line meets the limit
 * and not the store, whose files are smaller. Returns a function that makes space.
 */
export function fillDisk(pid: number | undefined, log: string): () => void {
  const limit = (size: number | "unlimited") =>
    execFileSync("prlimit", ["--pid", String(pid), `--fsize=${size}:unlimited`]);
  const padding = `${JSON.stringify({ padding: "x".repeat(1000) })}\n`;
  appendFileSync(log, padding.repeat(Math.ceil((4 * 1024 * 1024) / padding.length)));
  limit(readFileSync(log).length + 100);
  return () => limit("unlimited");
}
