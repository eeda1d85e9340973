import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "./clock.ts";
import type { Environment } from "./environment.ts";
import { holdProcess } from "./hold-process.ts";

/** Options of {@link runCommand}. */
export interface CommandOptions {
  /** The program and its arguments. It is started without a shell. */
  readonly words: readonly string[];
  readonly env: Environment;
  /** Time limit of the whole run in milliseconds. */
  readonly timeoutMs: number;
  /** Maximum size of stdout in bytes. */
  readonly outputMost: number;
  readonly clock: Clock;
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

/** Why a command failed. */
export interface CommandFailure {
  /** The end of a sentence about the command. It contains nothing that the command wrote. */
  readonly problem: string;
  /** True if the same command may succeed later: it exited with an error, or ran for too long. */
  readonly passing: boolean;
}

/** What a command wrote, and how it ended. */
export interface CommandEnd {
  readonly stdout: Buffer;
  /** The first 16 KiB, with all control characters. */
  readonly stderr: string;
  /** `undefined` if the command succeeded. */
  readonly failure: CommandFailure | undefined;
}

/** Bytes of stderr that are kept. */
const STDERR_MOST = 16 * 1024;

/**
 * Runs a command to its end and returns what it wrote. Its stdin is empty. A command that runs for too long or writes too
 * much is killed with the processes that it started. Never rejects.
 */
export async function runCommand(options: CommandOptions): Promise<CommandEnd> {
  const { words, env, timeoutMs, outputMost, clock, signal } = options;
  const [program = "", ...args] = words;
  if (signal?.aborted) return unstarted({ problem: "was not started, because the process ends", passing: true });
  let child: ChildProcessByStdio<null, Readable, Readable>;
  try {
    // Its own process group, so that its children can be ended with it.
    child = spawn(program, args, { env: { ...env }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  } catch (thrown) {
    return unstarted({ problem: cannotStart(thrown), passing: false });
  }
  using _hold = holdProcess();
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let failure: CommandFailure | undefined;
  const end = (problem: string, passing: boolean): void => {
    failure ??= { problem, passing };
    kill(child);
    // Closes the pipes even if a process that left the group still holds them.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const limit = clock.after(timeoutMs, () => end(`ran for more than ${timeoutMs / 1000} s and was killed`, true));
  const onAbort = (): void => end("was killed, because the process ends", true);
  signal?.addEventListener("abort", onAbort, { once: true });
  collect(child.stdout, stdout, { most: outputMost, onMore: () => end(`wrote more than ${outputMost} bytes`, false) });
  collect(child.stderr, stderr, { most: STDERR_MOST, onMore: () => {} });
  child.once("error", (error) => {
    failure ??= { problem: cannotStart(error), passing: false };
  });
  const [code, signalName] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once("close", (...ended) => resolve(ended)),
  );
  limit[Symbol.dispose]();
  signal?.removeEventListener("abort", onAbort);
  if (signalName !== null) failure ??= { problem: `was ended by ${signalName}`, passing: true };
  if (code !== 0) failure ??= { problem: `exited with ${code}`, passing: true };
  return { stdout: joined(stdout), stderr: Buffer.concat(stderr).subarray(0, STDERR_MOST).toString(), failure };
}

function unstarted(failure: CommandFailure): CommandEnd {
  return { stdout: Buffer.alloc(0), stderr: "", failure };
}

function cannotStart(thrown: unknown): string {
  const { code = String(thrown) } = thrown as NodeJS.ErrnoException;
  if (code === "ENOENT") return "cannot be started: there is no such program";
  return `cannot be started (${code})`;
}

/** Keeps chunks up to `most` bytes. Calls `onMore` when there are more; these are discarded. */
function collect(
  stream: Readable,
  chunks: Buffer[],
  { most, onMore }: { readonly most: number; readonly onMore: () => void },
): void {
  let size = 0;
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    if (size <= most) chunks.push(chunk);
    size += chunk.length;
    if (size > most) onMore();
  });
}

/** Joins the chunks and overwrites them, because they may contain a secret. */
function joined(chunks: readonly Buffer[]): Buffer {
  const all = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return all;
}

function kill(child: ChildProcessByStdio<null, Readable, Readable>): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // There are no process groups on Windows.
    child.kill("SIGKILL");
  }
}
