import { execFile } from "node:child_process";
import { isAbsolute, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** This package's own sources, which are skipped when the location of a fault in a user's module is searched. */
const OWN = fileURLToPath(new URL("../../", import.meta.url));
const CHILD_MOST_MS = 10_000;

/**
 * A stack frame, with or without parentheses, including that of a top-level await. A position without a scheme is a
 * plain path.
 */
const FRAME = /^ +at (?:async )?(?:.*\()?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/;
/**
 * Node's report of a syntax error: the position, the line (for TypeScript with some lines before it), and carets below
 * the fault.
 */
const HEAD = /^((?:file:\/\/|\/|[A-Za-z]:\\)[^\n]*?):(\d+)\r?\n(?:[^\n]*\n){1,8}?( *)\^+\s*$/m;

/**
 * Returns the position of an error during the load of a module as `FILE:LINE:COLUMN`, with a path relative to the
 * working directory; `undefined` if it is unknown. Node reports the position of a JavaScript syntax error only when the
 * process ends, so a second Node process loads the module `url` again. It runs no code except for code before a dynamic
 * import of the faulty module.
 */
export async function errorPosition(error: Error, url: string): Promise<string | undefined> {
  const stack = String(error.stack);
  const place = placeInHead(stack) ?? placeInFrames(stack);
  if (place !== undefined || !(error instanceof SyntaxError)) return place;
  return placeInHead(await outputOfSecondLoad(url));
}

function placeInHead(text: string): string | undefined {
  const [, file = "", line, indent = ""] = HEAD.exec(text) ?? [];
  return line === undefined ? undefined : shown(file, line, `${indent.length + 1}`);
}

function placeInFrames(stack: string): string | undefined {
  for (const each of stack.split("\n")) {
    const [, file = "", line = "", column = ""] = FRAME.exec(each) ?? [];
    if (file !== "" && !pathOf(file).startsWith(OWN)) return shown(file, line, column);
  }
  return undefined;
}

function shown(file: string, line: string, column: string): string {
  const path = pathOf(file);
  const near = relative(process.cwd(), path);
  return `${near.startsWith("..") || isAbsolute(near) ? path : near}:${line}:${column}`;
}

function pathOf(file: string): string {
  return file.startsWith("file://") ? fileURLToPath(file) : file;
}

async function outputOfSecondLoad(url: string): Promise<string> {
  const code = `await import(${JSON.stringify(url)});`;
  try {
    await promisify(execFile)(process.execPath, [...process.execArgv, "--input-type=module", "--eval", code], {
      timeout: CHILD_MOST_MS,
    });
    return "";
  } catch (failed) {
    return String((failed as { readonly stderr?: string }).stderr);
  }
}
