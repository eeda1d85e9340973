import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandTree } from "../../src/cli/help/command-tree.ts";
import { createProgram } from "../../src/cli/program.ts";
import { RecordingTerminal } from "../cli/cli-run.ts";
import { assert, suite } from "../support/suite.ts";

/* The README's table of commands is that of the program. */
const test = suite("docs/command-table");

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");

/** A command as the table writes it: its words and its arguments, optional ones in brackets. */
function listedAs(path: string, args: readonly { readonly required: boolean; name(): string }[]): string {
  const names = args.map((each) => each.name().toUpperCase());
  return [path, ...names.map((name, index) => (args[index]?.required ? name : `[${name}]`))].join(" ");
}

test("the table lists every command with its arguments, and no other", () => {
  const [, table = ""] = /\| command \| does \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(readme) ?? [];
  const listed = table
    .split("\n")
    .flatMap((row) => [...(row.split(" | ")[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, command = ""]) => command));
  const commands = commandTree(createProgram(new RecordingTerminal(), () => {}))
    // `mcp` serves by itself, and has subcommands.
    .filter(({ path, command }) => path === "mcp" || (path !== "" && command.commands.length === 0))
    .filter(({ path }) => path !== "complete")
    .map(({ path, command }) => listedAs(path, command.registeredArguments));
  assert.equal(listed.sort(), commands.sort());
});

test.run();
