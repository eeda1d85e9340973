import type { Report } from "./report.ts";
import type { Session, Step } from "./steps.ts";

/** Runs all steps, also after a failed one. Returns the number of failed steps. */
export async function runSteps(steps: readonly Step[], session: Session, report: Report): Promise<number> {
  let failed = 0;
  for (const [index, { title, run }] of steps.entries()) {
    report.begin(index + 1, title);
    try {
      report.end(index + 1, title, await run(session));
    } catch (error) {
      failed += 1;
      report.end(index + 1, title, error instanceof Error ? error : new Error(String(error)));
    }
  }
  report.finish(failed);
  return failed;
}
