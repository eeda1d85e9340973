import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, type Suite } from "../../support/suite.ts";
import { InteropServer } from "../interop-server.ts";
import { type AgentCommand, AgentProcess } from "./agent-process.ts";
import { callCases } from "./cases/calls.ts";
import { failureCases } from "./cases/failures.ts";
import { jobCases } from "./cases/jobs.ts";
import { lieCases } from "./cases/lies.ts";
import { loadCases } from "./cases/load.ts";
import { pinCases } from "./cases/pins.ts";
import { serverCases } from "./cases/servers.ts";
import { transportCases } from "./cases/transport.ts";
import { type Counts, MAIN } from "./client-case.ts";

const CASES = [
  ...callCases,
  ...failureCases,
  ...jobCases,
  ...lieCases,
  ...transportCases,
  ...pinCases,
  ...serverCases,
  ...loadCases,
];

/** Smaller than those of `npm run test:full`, which sets SEALWIRE_FULL. */
const COUNTS: Counts = process.env.SEALWIRE_FULL
  ? { concurrentCalls: 1000, randomCalls: 10_000, watches: 10_000 }
  : { concurrentCalls: 1000, randomCalls: 2000, watches: 1000 };

/**
 * Adds a test for each case, with an agent and a server for all of them. `variant` tells the agents of one language
 * apart; `command` is called when the suite begins.
 */
export function testClientCases(test: Suite, variant: string, command: () => AgentCommand): void {
  let server: InteropServer;
  let agent: AgentProcess;
  let credentials: string;

  test(`${variant}: the agent opens a channel`, async () => {
    server = await InteropServer.start();
    credentials = await server.addClient("main");
    agent = new AgentProcess(command());
    const opened = await agent.run("open", { channel: MAIN, credentials });
    assert.is(opened.failure, undefined);
  });

  test.after(async () => {
    await agent?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  for (const { name, run } of CASES) {
    test(`${variant}: ${name}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "sealwire-case-"));
      const agentWith = (env: Readonly<Record<string, string>>) => {
        const { command: words, env: own } = command();
        return new AgentProcess({ command: words, env: { ...own, ...env } });
      };
      try {
        await run({ agent, agentWith, server, credentials, folder, counts: COUNTS });
      } catch (error) {
        if (agent.stderr !== "") console.log(`the agent said:\n${agent.stderr.slice(-2000)}`);
        throw error;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  test(`${variant}: the agent ends with its input`, async () => {
    assert.is(await agent.end(), 0, agent.stderr);
    await server[Symbol.asyncDispose]();
  });
}
