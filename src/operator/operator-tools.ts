import { Any } from "../../gen/google/protobuf/any.ts";
import { OperatorToolServiceDefinition } from "../../gen/sealwire/operator/v1/operator_tool_service.ts";
import { implement, type ToolImplementation } from "../tools/implement.ts";
import { stateNameOf } from "../tools/job-message.ts";
import type { SystemToolContext } from "../tools/system-tools.ts";
import { fromTimeMs } from "../wire/duration.ts";
import type { OperatorActor } from "./actor.ts";
import { toAuditLineMessage } from "./audit-message.ts";
import { toAttemptMessage, toOperatorJob } from "./job-messages.ts";
import { toKeyMessage } from "./key-message.ts";
import type { OperatorService } from "./operator-service.ts";
import { timeIn } from "./request-time.ts";
import { toInstanceMessage, toStatsMessage } from "./stats-messages.ts";

const DEFAULT_PAGE_SIZE = 50;
const DEFAULT_KEY_PAGE_SIZE = 500;

/** Implements the operator's tools of `sealwire.operator.v1`. */
export function operatorTools(operator: OperatorService): ToolImplementation {
  const instance = operator.instance.id;
  return implement<typeof OperatorToolServiceDefinition, SystemToolContext>(OperatorToolServiceDefinition, {
    async listAllJobs({ states, tool, clientId, since, before, pageSize, pageToken }, context) {
      const page = await operator.listJobs(actorOf(context), {
        states: states.map(stateNameOf),
        ...(tool !== "" && { tool }),
        ...(clientId !== "" && { owner: clientId }),
        ...(since && { createdSinceMs: timeIn("since", since) }),
        ...(before && { createdBeforeMs: timeIn("before", before) }),
        pageSize: pageSize || DEFAULT_PAGE_SIZE,
        ...(pageToken !== "" && { pageToken }),
      });
      return { instance, jobs: page.jobs.map(toOperatorJob), nextPageToken: page.nextPageToken ?? "" };
    },

    async describeJob({ jobId, includePayloads }, context) {
      const { job, attempts, args, result } = await operator.describeJob(actorOf(context), { jobId, includePayloads });
      return {
        instance,
        job: toOperatorJob(job),
        attempts: attempts.map(toAttemptMessage),
        arguments: args && { typeUrl: args.typeUrl, value: args.value },
        result: result && Any.decode(result),
      };
    },

    async cancelAnyJob({ jobId }, context) {
      return { instance, job: toOperatorJob(await operator.cancelJob(actorOf(context), jobId)) };
    },

    async listInstances(_input, context) {
      return { instance, instances: (await operator.listInstances(actorOf(context))).map(toInstanceMessage) };
    },

    async listKeys({ clientId, pageSize, pageToken }, context) {
      const page = await operator.listKeys(actorOf(context), {
        ...(clientId !== "" && { clientId }),
        pageSize: pageSize || DEFAULT_KEY_PAGE_SIZE,
        ...(pageToken !== "" && { pageToken }),
      });
      return { instance, keys: page.keys.map(toKeyMessage), nextPageToken: page.nextPageToken ?? "" };
    },

    async retireKey({ keyId, endTime }, context) {
      const end = endTime && { endsAtMs: timeIn("end_time", endTime) };
      return { instance, key: toKeyMessage(await operator.retireKey(actorOf(context), { keyId, ...end })) };
    },

    async revokeKey({ keyId }, context) {
      return { instance, key: toKeyMessage(await operator.revokeKey(actorOf(context), keyId)) };
    },

    async serverStats(_input, context) {
      const stats = await operator.serverStats(actorOf(context));
      const { version, startedAtMs } = stats.instance;
      return { instance, version, startTime: fromTimeMs(startedAtMs), ...toStatsMessage(stats) };
    },

    async readAudit({ clientId, keyId, jobId, action, outcome, reason, since, pageSize, pageToken }, context) {
      const page = await operator.readAudit(actorOf(context), {
        limit: pageSize || DEFAULT_PAGE_SIZE,
        ...(pageToken !== "" && { pageToken }),
        filters: {
          ...(clientId !== "" && { clientId }),
          ...(keyId !== "" && { keyId }),
          ...(jobId !== "" && { jobId }),
          ...(action !== "" && { action }),
          ...(outcome !== "" && { outcome }),
          ...(reason !== "" && { reason }),
          ...(since && { sinceMs: timeIn("since", since) }),
        },
      });
      return { instance, lines: page.lines.map(toAuditLineMessage), nextPageToken: page.nextPageToken ?? "" };
    },
  });
}

function actorOf({ clientId, key, peer, requestId }: SystemToolContext): OperatorActor {
  return { clientId, keyId: key.keyId, role: key.role, source: peer, requestId };
}
