import { StringDecoder } from "node:string_decoder";
import type { Logger } from "../../runtime/logger.ts";

const LINE_MOST = 8_192;

type Callback = (error?: Error | null) => void;

/**
 * Converts the output of tools on stdout, by `console.log` or `process.stdout.write`, to log lines until disposed,
 * because stdout is reserved for the ready line. Output that bypasses Node's stream is not captured.
 */
export function logPrintedLines(logger: Logger): Disposable {
  const { stdout } = process;
  const original = stdout.write;
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const logLine = (line: string): void => {
    if (line !== "") logger.info({ printed: line }, "tools print on stdout");
  };
  const take = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) logLine(line.slice(0, LINE_MOST));
    if (rest.length <= LINE_MOST) return;
    logLine(rest.slice(0, LINE_MOST));
    rest = "";
  };
  stdout.write = (chunk: string | Uint8Array, encoding?: BufferEncoding | Callback, done?: Callback): boolean => {
    const textEncoding = typeof encoding === "string" ? encoding : "utf8";
    take(decoder.write(typeof chunk === "string" ? Buffer.from(chunk, textEncoding) : Buffer.from(chunk)));
    const callback = typeof encoding === "function" ? encoding : done;
    if (callback !== undefined) process.nextTick(callback);
    return true;
  };
  return {
    [Symbol.dispose]() {
      stdout.write = original;
      logLine((rest + decoder.end()).slice(0, LINE_MOST));
    },
  };
}
