import { parseArgs } from "node:util";
import { readCredentials, SealwireClient } from "../../src/index.ts";
import { jsonReport, plainReport } from "./report.ts";
import { runSteps } from "./run-steps.ts";
import { startServer } from "./server-process.ts";
import { STEPS } from "./steps.ts";

/*
 * Shows the protocol between two processes: `npm run demo`, or `npm run --silent demo -- --json` for JSON output. Exits
 * with 1 if a step fails.
 */
const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const report = options.json ? jsonReport : plainReport;

await using server = await startServer();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await server[Symbol.asyncDispose]();
    process.exit(1);
  });
}
const { address } = server;
const credentials = await readCredentials(server.credentials);
await using client = new SealwireClient({ credentials, address });

report.start(address, server.pid);
const failed = await runSteps(STEPS, { client, credentials, address }, report);
process.exitCode = failed === 0 ? 0 : 1;
