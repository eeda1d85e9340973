import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Suite, skipped, suite } from "../support/suite.ts";

/**
 * Starts a suite that needs these programs. Where one is missing every test is skipped and says so; where CI is set they fail
 * instead, so that a green run has left nothing out.
 */
export function suiteWith(programs: readonly string[], name: string): Suite {
  const inner = suite(name);
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return inner;
  const reason = `needs ${missing.join(" and ")}, which the PATH does not have`;
  if (process.env.CI) {
    inner.before(() => {
      throw new Error(reason);
    });
    return inner;
  }
  return skipped(inner, reason);
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
