import { execFile } from "node:child_process";

/** What a block of commands printed. */
export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/** Where commands are typed. */
export interface Shell {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Types commands into a shell that stops at the first which fails. Rejects with everything that was printed if one does. */
export function typeCommands(commands: string, { cwd, env }: Shell): Promise<Ran> {
  const options = { cwd, env, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile("bash", ["--norc", "-euo", "pipefail", "-c", commands], options, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`exit ${error.code} of\n${commands}\n${stdout}\n${stderr}`));
    });
  });
}
