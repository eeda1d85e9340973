import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failIfStillRunning } from "../../support/still-running.ts";
import type { Suite } from "../../support/suite.ts";
import { suiteWith } from "../toolchain.ts";
import type { AgentCommand } from "./agent-process.ts";
import { testClientCases } from "./client-cases.ts";
import type { ClientLanguage } from "./languages.ts";
import { testPackage } from "./package-tests.ts";

/** Makes the suite of a language: its agents are built, and each does all cases. The caller may add tests; then `run()`. */
export function clientSuite({ name, programs, isPackage, agents, build }: ClientLanguage): Suite {
  const test = suiteWith(programs, `interop/${name}`);
  let folder: string | undefined;
  let commands: Readonly<Record<string, AgentCommand>> = {};
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), `sealwire-${name}-`));
    commands = await build(folder);
  });
  test.after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    failIfStillRunning();
    // Nothing is open then. Node 24.21 by itself may spin for ever in its own cleanup, over a socket that was reset.
    process.once("beforeExit", () => process.exit());
  });
  if (isPackage) {
    testPackage(test, name, () => {
      if (folder === undefined) throw new Error(`the package of ${name} is not built`);
      return folder;
    });
  }
  for (const agent of agents) {
    testClientCases(test, agent, () => {
      const command = commands[agent];
      if (command === undefined) throw new Error(`${name} has no agent "${agent}"`);
      return command;
    });
  }
  return test;
}
