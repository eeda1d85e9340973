#!/usr/bin/env node
import { processTerminal } from "./terminal.ts";

const terminal = processTerminal();
const [, , ...args] = process.argv;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  terminal.say(`error: sealwire needs Node 22.18 or newer, this is ${process.versions.node}.`);
  terminal.say("  try: install a newer Node, or put its folder first in PATH");
  process.exit(2);
}
// Only now: what comes from here on does not even load on an older Node.
const { runCli } = await import("./run-cli.ts");
const exitCode = await runCli(terminal, args);
// Data may still be on its way into a slow pipe.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(exitCode);
