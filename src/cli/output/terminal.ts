import pc from "picocolors";
import { harmlessLines } from "./plain-text.ts";

/** Functions that colour a text, or return it unchanged. */
type Colors = ReturnType<typeof pc.createColors>;

/** Input and output of a command. Data is written to stdout, messages to stderr. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** True if stdin is a terminal. */
  readonly typed: boolean;
  /** Writes one line of data. */
  print(line: string): void;
  /** Writes bytes of data unchanged. */
  write(bytes: Uint8Array): void;
  /** Writes one line of messages. */
  say(line: string): void;
  /** Writes text to stderr unchanged, to overwrite the current line. */
  draw(text: string): void;
  /** True if stderr is a terminal, whose lines can be overwritten. */
  readonly drawable: boolean;
  /** Columns of that terminal; 80 if unknown. */
  readonly columns: number;
  /** Columns of the terminal on stdout; `undefined` if stdout is not a terminal and data must not be wrapped. */
  readonly dataColumns: number | undefined;
  /** Colours for data; none if stdout is not a terminal. */
  readonly dataColors: Colors;
  /** Colours for messages; none if stderr is not a terminal. */
  readonly colors: Colors;
  /**
   * For serving commands: the process continues if its output is not read. Output that cannot be written is dropped, as
   * are messages while a megabyte is buffered. `onDropped` is called for each dropped piece.
   */
  outliveReaders(onDropped: () => void): void;
  /** Resolves when the data has been written; after {@link outliveReaders}, within one second. */
  flushed(): Promise<void>;
}

/** Maximum size of unread output after {@link Terminal.outliveReaders}, in bytes. */
const UNREAD_MAX_BYTES = 1_048_576;
const LAST_WRITE_MS = 1_000;

/** The terminal or pipes of this process. */
export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process;
  const readers = followReaders();
  // Bound now, because a running server redirects process.stdout.write of tools to the log.
  const write = stdout.write.bind(stdout);
  return {
    ...readers,
    env,
    stdin,
    typed: stdin.isTTY === true,
    print: (line) => void write(`${harmlessLines(line)}\n`),
    write: (bytes) => void write(bytes),
    say: (line) => void stderr.write(`${harmlessLines(line)}\n`),
    draw: (text) => void stderr.write(text),
    drawable: stderr.isTTY === true && env.TERM !== "dumb",
    get columns() {
      return stderr.columns || 80;
    },
    get dataColumns() {
      return stdout.isTTY ? stdout.columns || 80 : undefined;
    },
    dataColors: pc.createColors(wantsColors(stdout.isTTY, env)),
    colors: pc.createColors(wantsColors(stderr.isTTY, env)),
  };
}

/**
 * A non-empty NO_COLOR (no-color.org) disables colours. FORCE_COLOR is read as by Node.js: 0 or false disables them.
 */
function wantsColors(isTerminal: boolean, env: Terminal["env"]): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return isTerminal === true && env.TERM !== "dumb";
}

/**
 * Ends the process without an error when the reader of its data closes the pipe, as `head` does, unless {@link
 * Terminal.outliveReaders} was called.
 */
function followReaders(): Pick<Terminal, "outliveReaders" | "flushed"> {
  const { stdout, stderr } = process;
  let onDropped: (() => void) | undefined;
  const onError = (error: NodeJS.ErrnoException): void => {
    if (onDropped !== undefined) onDropped();
    else if (error.code !== "EPIPE") throw error;
  };
  stderr.on("error", onError);
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    onError(error);
    if (onDropped === undefined) process.exit(0);
  });
  return {
    outliveReaders(told) {
      onDropped = told;
      dropUnread(stderr, told);
    },
    flushed: () =>
      new Promise((resolve) => {
        if (onDropped !== undefined) setTimeout(resolve, LAST_WRITE_MS).unref();
        // Waits for data that is being written to a slow pipe.
        stdout.write("", () => resolve());
      }),
  };
}

/** Drops output that is not read. A serving process writes one line to stdout; the output of its tools is logged. */
function dropUnread(stream: NodeJS.WriteStream, onDropped: () => void): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    if (stream.writableLength <= UNREAD_MAX_BYTES) return write(...args);
    onDropped();
    const callback = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
    if (callback !== undefined) process.nextTick(callback);
    return true;
  };
}
