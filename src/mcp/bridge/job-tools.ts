import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Tool } from "@modelcontextprotocol/server";
import type { FieldViolation } from "../../errors.ts";
import { badArguments, type ToolAnswer } from "./answer.ts";
import { type Jobs, jobJson } from "./jobs.ts";
import type { ProgressReports } from "./progress.ts";
import { structured } from "./tool-result.ts";

/** Longest wait of one call of `wait_for_job`: hosts give up after 60 s. */
const WAIT_SECONDS_MOST = 40;

const JOB_ID = { type: "string", minLength: 1, description: "The job_id in the answer of the tool that started it." };

/** How a host calls one of these tools. */
export interface JobToolCall {
  readonly args: JsonObject;
  readonly signal: AbortSignal;
  readonly progress: ProgressReports | undefined;
}

/** A tool of the bridge itself. */
export interface JobTool {
  readonly listed: Tool;
  call(call: JobToolCall): Promise<ToolAnswer>;
}

/** The tool that waits for a job. */
export function waitForJob(name: string, jobs: Jobs, waitMs: number): JobTool {
  const usual = Math.min(WAIT_SECONDS_MOST, waitMs / 1000);
  return {
    listed: {
      name,
      title: "Wait for a job",
      description:
        "Waits for a job that another tool has started, and returns the result of that tool, or the state of the job if it is still not over.",
      inputSchema: {
        type: "object",
        properties: {
          job_id: JOB_ID,
          seconds: {
            type: "number",
            minimum: 0,
            maximum: WAIT_SECONDS_MOST,
            description: `How long to wait. Default: ${usual}.`,
          },
        },
        required: ["job_id"],
        additionalProperties: false,
      },
      annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
    },
    async call({ args, signal, progress }) {
      const violations = checkArguments(args, ["job_id", "seconds"]);
      if (violations.length > 0) return badArguments({ message: "", violations, violationsOmitted: 0 });
      const { job_id: jobId, seconds = usual } = args as { readonly job_id: string; readonly seconds?: number };
      const found = await jobs.find(jobId, signal);
      return jobs.answer({ ...found, job: await jobs.wait(found, { ms: seconds * 1000, signal, progress }) });
    },
  };
}

/** The tool that cancels a job. */
export function cancelJob(name: string, jobs: Jobs): JobTool {
  return {
    listed: {
      name,
      title: "Cancel a job",
      description:
        "Cancels a job that another tool has started. A job that is running ends soon after; one that is over does not change.",
      inputSchema: {
        type: "object",
        properties: { job_id: JOB_ID },
        required: ["job_id"],
        additionalProperties: false,
      },
      annotations: { destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    async call({ args, signal }) {
      const violations = checkArguments(args, ["job_id"]);
      if (violations.length > 0) return badArguments({ message: "", violations, violationsOmitted: 0 });
      const { handle } = await jobs.find(args.job_id as string, signal);
      return { kind: "result", result: structured(jobJson(await handle.cancel({ signal }))) };
    },
  };
}

function checkArguments(args: JsonObject, known: readonly string[]): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const { job_id: jobId, seconds } = args;
  if (typeof jobId !== "string" || jobId === "") {
    violations.push({ field: "job_id", message: "must be the id of a job, as text", ruleId: "required" });
  }
  if (known.includes("seconds") && seconds !== undefined && !isWait(seconds)) {
    const message = `must be a number from 0 to ${WAIT_SECONDS_MOST}`;
    violations.push({ field: "seconds", message, ruleId: "number.range" });
  }
  for (const name of Object.keys(args).filter((each) => !known.includes(each))) {
    violations.push({ field: name, message: `is unknown; known are ${known.join(", ")}`, ruleId: "json.field" });
  }
  return violations;
}

function isWait(seconds: JsonValue): boolean {
  return typeof seconds === "number" && seconds >= 0 && seconds <= WAIT_SECONDS_MOST;
}
