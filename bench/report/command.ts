import { shellQuote } from "../../src/files/shell-quote.ts";

/** The command that runs benches with these arguments, as it is typed into a shell. */
export function describeCommand(args: readonly string[]): string {
  return ["npm run bench", ...(args.length > 0 ? ["--"] : []), ...args.map(shellQuote)].join(" ");
}
