import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SealwireParts, type SealwireTarget, sealwire } from "./sealwire.ts";
import type { Variant } from "./variant.ts";
import { batchSum, RESULT } from "./work.ts";

/* Calls with side effects on SQLite, with and without an audit log in a file. TMPDIR selects the disk. */

/** The tools: one that runs once for each request id, which is recorded in the store, and one that may be repeated. */
const TOOLS = { once: "add_once", repeatable: "add_again" } as const;

/** Which calls have lines, and what is done if they cannot be written. */
export type KeptLog = "none" | "kept" | "required";

const TITLES: Readonly<Record<KeptLog, string>> = {
  none: "without a log",
  kept: "with --audit",
  required: "with --audit and --audit-required",
};

/** A server with a tool that has side effects, and the given audit log. */
export function sealwireAudited(kind: keyof typeof TOOLS, log: KeptLog): Variant<SealwireTarget> {
  return {
    ...sealwire(partsOf(kind, log, "")),
    async serve() {
      const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-audit-"));
      const served = await sealwire(partsOf(kind, log, join(folder, "audit.log"))).serve();
      return {
        ...served,
        async [Symbol.asyncDispose]() {
          await served[Symbol.asyncDispose]();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

function partsOf(kind: keyof typeof TOOLS, log: KeptLog, path: string): SealwireParts {
  return {
    title: TITLES[log],
    call: { tool: TOOLS[kind], expected: RESULT },
    options: async () => {
      const { testService } = await import("../../test/support/test-service.ts");
      const run = (numbers: readonly number[]): number => batchSum(numbers).total;
      const { tools, descriptors } = testService({ AddOnce: { run }, AddAgain: { idempotent: true, run } });
      return {
        ...{ tools: [tools], descriptors: [descriptors] },
        ...(log !== "none" && { audit: { to: path, required: log === "required" } }),
      };
    },
  };
}
