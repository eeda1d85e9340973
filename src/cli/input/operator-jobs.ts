import type { OperatorJob } from "../../../gen/sealwire/operator/v1/operator_job.ts";
import { stateNumber } from "../../client/jobs/job-snapshot.ts";
import type { JobState } from "../../jobs/job.ts";
import { optionalTime } from "../output/operator-text.ts";
import { type OperatorClient, readPages } from "./operator-client.ts";

/** The options of a command that select jobs of all clients. Times are in Unix milliseconds. */
export interface JobSelection {
  readonly state?: readonly string[];
  readonly tool?: string;
  readonly client?: string;
  readonly since?: number;
  readonly before?: number;
}

/** Reads jobs of all clients, newest first. `states`: none means all. `more`: there are further ones. */
export function readOperatorJobs(
  { tools }: OperatorClient,
  { tool = "", client: clientId = "", since, before }: JobSelection,
  { states, limit }: { readonly states: readonly JobState[]; readonly limit: number },
): Promise<{ readonly items: readonly OperatorJob[]; readonly more: boolean }> {
  const filter = { states: states.map(stateNumber), tool, clientId };
  const times = { since: optionalTime(since), before: optionalTime(before) };
  return readPages({ limit, pageMost: 500 }, async (page) => {
    const answer = await tools.listAllJobs({ ...filter, ...times, ...page });
    return { items: answer.jobs, nextPageToken: answer.nextPageToken };
  });
}
