import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** Says how the definition of a tool differs from the accepted one. */
export function sayDifference(terminal: Terminal, tool: string, difference: readonly string[]): void {
  const { red, green } = terminal.colors;
  terminal.say(`${tool} is not as it was accepted:`);
  for (const line of difference) {
    const text = plainText(line);
    terminal.say(`  ${line.startsWith("- ") ? red(text) : line.startsWith("+ ") ? green(text) : text}`);
  }
}
