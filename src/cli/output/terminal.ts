import pc from "picocolors";
import { harmlessLines } from "./plain-text.ts";

/** Functions that colour a text, or leave it alone. */
type Colors = ReturnType<typeof pc.createColors>;

/** Where a command reads from and writes to. Data goes to stdout, everything else to stderr. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** True if somebody types what stdin gives. */
  readonly typed: boolean;
  /** Writes one line of data. */
  print(line: string): void;
  /** Writes bytes of data as they are. */
  write(bytes: Uint8Array): void;
  /** Writes one line for people. */
  say(line: string): void;
  /** Writes text for people as it is, to draw over what stands there. */
  draw(text: string): void;
  /** True if people see stderr, so that a line may be drawn over. */
  readonly drawable: boolean;
  /** Columns of that screen, 80 where it does not tell. */
  readonly columns: number;
  /** Columns of the screen that data goes to; `undefined` where stdout is no terminal, so that nothing is to be fitted. */
  readonly dataColumns: number | undefined;
  /** Colours for data, none where stdout is no terminal. */
  readonly dataColors: Colors;
  /** Colours for messages, none where stderr is no terminal. */
  readonly colors: Colors;
  /**
   * For commands that serve: from now on nobody has to take what is written. Output that cannot be written is dropped, as is
   * what is said while a megabyte waits for its reader; `onDropped` is called for each piece.
   */
  outliveReaders(onDropped: () => void): void;
  /** Resolves when the data has been written; where {@link outliveReaders} was called, it waits for a second at most. */
  flushed(): Promise<void>;
}

/** Most bytes that wait for a reader of a process that outlives its readers. */
const UNREAD_MAX_BYTES = 1_048_576;
const LAST_WRITE_MS = 1_000;

/** The terminal or pipes that this process was started with. */
export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process;
  const readers = followReaders();
  // The code of tools is given another way to write once a server runs.
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

/** NO_COLOR (no-color.org) counts unless it is empty; FORCE_COLOR as Node.js reads it: 0 or false means none. */
function wantsColors(isTerminal: boolean, env: Terminal["env"]): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return isTerminal === true && env.TERM !== "dumb";
}

/** Ends the process when the reader of its data goes away, as `head` does, which is no failure; unless it outlives its readers. */
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
        // Data may still be on its way into a slow pipe.
        stdout.write("", () => resolve());
      }),
  };
}

/** Stdout has one line of a process that serves: what its tools print is logged. */
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
