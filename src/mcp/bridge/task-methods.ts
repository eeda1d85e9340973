import type { Server, ServerContext, StandardSchemaV1 } from "@modelcontextprotocol/server";
import { isTerminal } from "../../jobs/transitions.ts";
import { faultError, RpcCode } from "./answer.ts";
import type { Bridge } from "./bridge.ts";
import type { Era } from "./era.ts";
import { legacyPayload, legacyTask, modernTask, requireTasks, TASKS_EXTENSION, taskFault } from "./tasks.ts";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

/** True if the client declared the extension for tasks on this request. */
export function declaresTasks({ mcpReq }: ServerContext): boolean {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  const { extensions } = (envelope[CAPABILITIES] ?? {}) as { readonly extensions?: object };
  return extensions !== undefined && Object.hasOwn(extensions, TASKS_EXTENSION);
}

/** Adds the methods for tasks of the protocol that the server speaks. */
export function addTasks(server: Server, bridge: Bridge, { era }: Era): void {
  if (era === "modern") addModern(server, bridge);
  else addLegacy(server, bridge);
}

function addModern(server: Server, { jobs }: Bridge): void {
  const serve = <R extends Record<string, unknown>>(run: (taskId: string, signal: AbortSignal) => Promise<R>) => {
    return async ({ taskId }: TaskParams, ctx: ServerContext): Promise<R> => {
      requireTasks(declaresTasks(ctx));
      return run(taskId, ctx.mcpReq.signal).catch(rethrow);
    };
  };
  const get = serve(async (taskId, signal) => modernTask(jobs, await jobs.find(taskId, signal)));
  server.setRequestHandler("tasks/get", { params: TASK_PARAMS }, get);
  // No job asks its client for anything.
  const update = serve(async (taskId, signal) => {
    await jobs.find(taskId, signal);
    return {};
  });
  server.setRequestHandler("tasks/update", { params: TASK_PARAMS }, update);
  const cancel = serve(async (taskId, signal) => {
    const { handle } = await jobs.find(taskId, signal);
    await handle.cancel({ signal });
    return {};
  });
  server.setRequestHandler("tasks/cancel", { params: TASK_PARAMS }, cancel);
}

function addLegacy(server: Server, bridge: Bridge): void {
  const { jobs } = bridge;
  server.setRequestHandler("tasks/get", { params: TASK_PARAMS }, async ({ taskId }, { mcpReq }) =>
    jobs.find(taskId, mcpReq.signal).then(({ job }) => legacyTask(job), rethrow),
  );
  server.setRequestHandler("tasks/result", { params: TASK_PARAMS }, async ({ taskId }, { mcpReq }) => {
    const { signal } = mcpReq;
    try {
      const found = await jobs.find(taskId, signal);
      const job = await jobs.wait(found, { ms: undefined, signal });
      return legacyPayload(await jobs.answer({ ...found, job }), taskId);
    } catch (thrown) {
      return rethrow(thrown);
    }
  });
  server.setRequestHandler("tasks/list", { params: LIST_PARAMS }, async ({ cursor }, { mcpReq }) =>
    bridge.listJobs(cursor, mcpReq.signal).then(
      ({ jobs: page, nextPageToken }) => ({
        tasks: page.map(legacyTask),
        ...(nextPageToken !== undefined && { nextCursor: nextPageToken }),
      }),
      rethrow,
    ),
  );
  server.setRequestHandler("tasks/cancel", { params: TASK_PARAMS }, async ({ taskId }, { mcpReq }) => {
    const { signal } = mcpReq;
    const { handle, job } = await jobs.find(taskId, signal).catch(rethrow);
    if (isTerminal(job.state)) {
      throw faultError({ code: RpcCode.invalidParams, message: `The task is over: it is ${job.state.toLowerCase()}.` });
    }
    return legacyTask(await handle.cancel({ signal }).catch(rethrow));
  });
}

function rethrow(thrown: unknown): never {
  throw taskFault(thrown);
}

interface TaskParams {
  readonly taskId: string;
}

const TASK_PARAMS = paramsSchema<TaskParams>("taskId", ({ taskId }) =>
  typeof taskId === "string" && taskId !== "" ? { taskId } : undefined,
);

const LIST_PARAMS = paramsSchema<{ readonly cursor: string | undefined }>("cursor", ({ cursor }) =>
  cursor === undefined || typeof cursor === "string" ? { cursor } : undefined,
);

/** A schema, in the form that the SDK takes, of parameters with one text. */
function paramsSchema<T>(
  field: string,
  read: (params: Readonly<Record<string, unknown>>) => T | undefined,
): StandardSchemaV1<T, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "sealwire",
      validate: (params) => {
        const value = read(params as Readonly<Record<string, unknown>>);
        return value === undefined ? { issues: [{ message: `${field} must be a text` }] } : { value };
      },
    },
  };
}
