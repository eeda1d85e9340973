import { shellQuote } from "../../src/files/shell-quote.ts";

/** The shell command that runs benches with these arguments. */
export function describeCommand(args: readonly string[]): string {
  return ["npm run bench", ...(args.length > 0 ? ["--"] : []), ...args.map(shellQuote)].join(" ");
}
