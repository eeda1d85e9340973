#!/usr/bin/env node
import { oldNode } from "../runtime/required-node.ts";
import { holdNodeWarnings, leftNodeWarnings } from "./node-warnings.ts";
import { processTerminal } from "./output/terminal.ts";

holdNodeWarnings();
const terminal = processTerminal();
const [, , ...args] = process.argv;
const problem = oldNode(process.versions.node);

if (problem !== undefined) {
  terminal.say(`error: ${problem}`);
  terminal.say("  try: install a newer Node, or put its folder first in PATH");
  process.exit(2);
}
// Imported after the version check, because these modules do not load on older Node versions.
const { runCli } = await import("./run-cli.ts");
const exitCode = await runCli(terminal, args);
for (const warning of leftNodeWarnings()) terminal.say(`warning: ${warning}`);
await terminal.flushed();
process.exit(exitCode);
