import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { text } from "node:stream/consumers";
import type { Ended } from "../cli/cli-run.ts";

/** Where and with what a shell runs. */
export interface ShellOptions {
  readonly cwd: string;
  /** Folders that come first on the PATH. */
  readonly path: readonly string[];
}

/** Runs commands as somebody does who pastes them into a shell. */
export async function paste(commands: string, { cwd, path }: ShellOptions): Promise<Ended> {
  const PATH = [...path, process.env.PATH].join(delimiter);
  const shell = spawn("bash", { cwd, env: { ...process.env, PATH } });
  shell.stdin.on("error", () => {}).end(commands);
  const [stdout, stderr, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, "close")]);
  return { code, stdout, stderr };
}
