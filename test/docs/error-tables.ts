import { EXIT_CODES, ExitCode } from "../../src/cli/output/exit-code.ts";
import { LOCAL_REASONS, WIRE_REASONS } from "../../src/errors.ts";

interface Row {
  readonly status: string;
  readonly retryable: boolean;
  readonly meaning: string;
  readonly remedy: string;
}

/** The table of docs/errors.md for reasons that a server sends. */
export function wireReasonTable(): string {
  return table(WIRE_REASONS);
}

/** The table of docs/errors.md for reasons that never travel. */
export function localReasonTable(): string {
  return table(LOCAL_REASONS);
}

/** The table of docs/errors.md for the exit codes of the CLI. */
export function exitCodeTable(): string {
  const rows = Object.values(ExitCode).map((code) => {
    const reasons = Object.entries(EXIT_CODES).filter(([, own]) => own === code);
    return `| ${code} | ${EXIT_CODE_MEANINGS[code]} | ${reasons.map(([reason]) => `\`${reason}\``).join(", ")} |`;
  });
  return ["| exit code | means | for the reasons |", "|---|---|---|", ...rows].join("\n");
}

const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "done",
  1: "the tool or the job failed",
  2: "bad usage or arguments",
  3: "refused, or the answer could not be verified",
  4: "no answer, or none for now: try again",
  5: "the store cannot be used as it is: a fault that does not pass by itself",
  6: "a tool's definition is not the accepted one",
  130: "interrupted by Ctrl-C",
};

function table(reasons: Readonly<Record<string, Row>>): string {
  const rows = Object.entries(reasons).map(
    ([reason, { status, retryable, meaning, remedy }]) =>
      `| \`${reason}\` | ${status} | ${retryable ? "yes" : "no"} | ${meaning} | ${remedy} |`,
  );
  return ["| reason | gRPC status | retryable | meaning | what to do |", "|---|---|---|---|---|", ...rows].join("\n");
}
