import { OperatorJob } from "../../../gen/sealwire/operator/v1/operator_job.ts";
import { readJob } from "../../client/jobs/job-snapshot.ts";
import { printList } from "./operator-list.ts";
import { timeCell } from "./operator-text.ts";
import { describeJob } from "./progress-display.ts";
import type { Terminal } from "./terminal.ts";

/** Prints jobs of all clients as a table, or, with `json`, each as a line of JSON. */
export function printOperatorJobs(terminal: Terminal, jobs: readonly OperatorJob[], json?: boolean): void {
  const list = {
    ...{ items: jobs, type: "sealwire.operator.v1.OperatorJob", encode: OperatorJob.encode },
    headings: ["JOB", "CLIENT", "TOOL", "STATE", "CREATED", "ENDED", "ERROR", "INSTANCE"],
    row: (job: OperatorJob) => row(terminal, job),
  };
  printList(terminal, list, json);
}

function row(terminal: Terminal, { clientId, job, instance }: OperatorJob): string[] {
  if (job === undefined) return [];
  const { jobId, tool, createTime, endTime } = job;
  const snapshot = readJob(job);
  return [
    jobId,
    clientId,
    tool,
    describeJob(snapshot),
    timeCell(terminal, createTime),
    timeCell(terminal, endTime),
    snapshot.error?.reason ?? "-",
    instance || "-",
  ];
}
