import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { buildArchive, type Language } from "./archive-build.ts";

const NOTES = "notes.jsonl";

/** How to start an archive server. */
export interface ArchiveOptions {
  /** Folder of the socket and of the notes, for this user only. Default: a new one, which is removed at the end. */
  readonly folder?: string;
  /** Listens on a free TCP port and checks assertions. Default: a unix socket, without assertions. */
  readonly assertion?: { readonly jwks: string; readonly audience: string };
  /** How long an added note is on disk before the call is answered, in ms. Default: 0. */
  readonly pauseAfterEffectMs?: number;
}

interface Listening {
  readonly listening: string;
}

/** A line that the server prints when a call begins. What the caller did not send is missing. */
export interface CallBegin {
  readonly method: string;
  readonly client?: string;
  readonly request?: string;
  readonly tool?: string;
  readonly server?: string;
  readonly job?: string;
  readonly attempt?: number;
  readonly key?: string;
  readonly traceparent?: string;
  readonly deadline_ms?: number;
}

/** A line that it prints when a call has ended. */
export interface CallEnd {
  readonly method: string;
  readonly request?: string;
  readonly job?: string;
  readonly attempt?: number;
  /** Name of a gRPC status code. */
  readonly ended: string;
}

/** A running server of `examples/upstream-<language>`. */
export class Archive implements AsyncDisposable {
  /** `unix:PATH` or `127.0.0.1:PORT`. */
  readonly address: string;
  /** Folder of the socket and of the notes. */
  readonly folder: string;
  readonly #process: ArchiveProcess;

  constructor(folder: string, process: ArchiveProcess) {
    this.address = process.address;
    this.folder = folder;
    this.#process = process;
  }

  /** Calls that have begun, in order. */
  get begun(): readonly CallBegin[] {
    return this.#process.lines.filter((line): line is CallBegin => "method" in line && !("ended" in line));
  }

  /** Calls that have ended, in order. */
  get ended(): readonly CallEnd[] {
    return this.#process.lines.filter((line): line is CallEnd => "ended" in line);
  }

  /** The notes on disk. */
  async notes(): Promise<readonly { readonly text: string }[]> {
    const text = await readFile(join(this.folder, NOTES), "utf8");
    return text
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** Sends a signal, waits for the end of the process, and returns its exit code; null if the signal ended it. */
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    this.#process.child.kill(signal);
    return this.#process.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Builds the example if needed, and starts it. Disposing it removes its folder. */
export async function startArchive(language: Language, options: ArchiveOptions = {}): Promise<Archive> {
  const command = await buildArchive(language);
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "sealwire-archive-")));
  const { assertion, pauseAfterEffectMs = 0 } = options;
  const process = new ArchiveProcess([
    ...command,
    ...["--listen", assertion === undefined ? `unix:${join(folder, "archive.sock")}` : "127.0.0.1:0"],
    ...["--notes", join(folder, NOTES)],
    ...(assertion === undefined ? [] : ["--jwks", assertion.jwks, "--audience", assertion.audience]),
    ...["--pause-after-effect", String(pauseAfterEffectMs)],
  ]);
  await process.ready();
  return new Archive(folder, process);
}

/** Starts the example with flags of the test's own, which it is to refuse; returns what it printed on stderr. */
export async function refusedStart(language: Language, flags: readonly string[]): Promise<string> {
  const process = new ArchiveProcess([...(await buildArchive(language)), ...flags]);
  const code = await process.closed;
  if (code === 0 || process.lines.length > 0) throw new Error(`the server started with ${flags.join(" ")}`);
  return process.stderr;
}

class ArchiveProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly closed: Promise<number | null>;
  stderr = "";
  #stdout = "";

  constructor([program = "", ...args]: readonly string[]) {
    this.child = spawn(program, args);
    this.child.stdin.end();
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.closed = once(this.child, "close").then(([code]) => code);
  }

  /** The whole lines printed so far. */
  get lines(): readonly (Listening | CallBegin | CallEnd)[] {
    return this.#stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  get address(): string {
    const [first] = this.lines;
    return first !== undefined && "listening" in first ? first.listening : "";
  }

  async ready(): Promise<void> {
    await eventually("the line of a server that listens", () => {
      if (this.child.exitCode !== null) throw new Error(`the server ended with ${this.child.exitCode}: ${this.stderr}`);
      return this.address !== "";
    });
  }
}
