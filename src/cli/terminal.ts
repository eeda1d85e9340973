import pc from "picocolors";
import { harmlessLines } from "./plain-text.ts";

/** Functions that colour a text, or leave it alone. */
type Colors = ReturnType<typeof pc.createColors>;

/** Where a command reads from and writes to. Data goes to stdout, everything else to stderr. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
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
  /** Colours for data, none where stdout is no terminal. */
  readonly dataColors: Colors;
  /** Colours for messages, none where stderr is no terminal. */
  readonly colors: Colors;
}

/** The terminal or pipes that this process was started with. */
export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process;
  ignoreClosedPipes();
  return {
    env,
    stdin,
    print: (line) => void stdout.write(`${harmlessLines(line)}\n`),
    write: (bytes) => void stdout.write(bytes),
    say: (line) => void stderr.write(`${harmlessLines(line)}\n`),
    draw: (text) => void stderr.write(text),
    drawable: stderr.isTTY === true && env.TERM !== "dumb",
    get columns() {
      return stderr.columns || 80;
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

/** A reader that went away, as `head` does, is no failure of the command. */
function ignoreClosedPipes(): void {
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  };
  process.stderr.on("error", onError);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    onError(error);
    process.exit(0);
  });
}
