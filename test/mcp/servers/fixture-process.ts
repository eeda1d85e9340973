import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { fixtureServer } from "./fixture-tools.ts";

/* Runs the fixture over stdio: `node fixture-process.ts FOLDER`. */

const folder = process.argv[2] ?? ".";
appendFileSync(join(folder, "starts.log"), `${process.pid}\n`);
serveStdio(() => fixtureServer(folder));
