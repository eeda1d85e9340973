#!/usr/bin/env node
import { runCli } from "./run-cli.ts";
import { processTerminal } from "./terminal.ts";

const [, , ...args] = process.argv;
const exitCode = await runCli(processTerminal(), args);
// Data may still be on its way into a slow pipe.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(exitCode);
