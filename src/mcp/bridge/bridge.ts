import type { Tool } from "@modelcontextprotocol/server";
import type { SealwireClient } from "../../client/client.ts";
import type { JobPage } from "../../client/jobs/list-jobs.ts";
import { faultError, type RpcFault } from "./answer.ts";
import { HostCalls } from "./host-calls.ts";
import { cancelJob, type JobTool, waitForJob } from "./job-tools.ts";
import { Jobs } from "./jobs.ts";
import type { Principal, ResolvedBridgeOptions } from "./options.ts";
import type { ServerSdk } from "./sdk.ts";
import { checkPrefix, hostName } from "./tool-names.ts";
import { type OfferedTools, ToolRegistry } from "./tool-registry.ts";

/** What all bridges of a process share. */
export interface BridgeContext {
  readonly sdk: ServerSdk;
  readonly options: ResolvedBridgeOptions;
  /** Aborts when waits end early, because the process ends. */
  readonly drainSignal: AbortSignal;
  /** Aborts when the process begins to end: hosts that go then have cancelled nothing. */
  readonly closingSignal: AbortSignal;
}

/** The tools of a server for the hosts of one principal. */
export class Bridge {
  readonly context: BridgeContext;
  readonly registry: ToolRegistry;
  /** The name of the tool that waits for jobs. */
  readonly waitTool: string;
  readonly jobs: Jobs;
  readonly calls: HostCalls;
  /** The bridge's own tools, by name. */
  readonly jobTools: ReadonlyMap<string, JobTool>;
  readonly #client: SealwireClient;
  readonly #changed = new Set<() => void>();

  constructor(context: BridgeContext, principal: Principal) {
    const { options, drainSignal } = context;
    const { client, credentials } = principal;
    const prefix = checkPrefix(options.prefix);
    const [waitTool, cancelTool] = [hostName(prefix, "wait_for_job"), hostName(prefix, "cancel_job")];
    this.context = context;
    this.waitTool = waitTool;
    this.#client = client;
    this.registry = new ToolRegistry({
      ...options,
      fetch: (timeoutMs) => client.listTools({ includeDescriptors: true, timeoutMs }),
      serverId: () => credentials.current().serverId,
      waitTool,
      reserved: [waitTool, cancelTool],
      onChanged: () => {
        for (const tell of this.#changed) tell();
      },
    });
    this.jobs = new Jobs({ client, registry: this.registry, clock: options.clock, drainSignal, waitTool });
    this.calls = new HostCalls(options, principal, this.jobs, this.registry);
    const own = [waitForJob(waitTool, this.jobs, options.waitMs)];
    if (!options.readOnly) own.push(cancelJob(cancelTool, this.jobs));
    this.jobTools = new Map(own.map((tool) => [tool.listed.name, tool]));
  }

  /** Calls `tell` whenever the list of tools has changed. Dispose the result to stop it. */
  onToolsChanged(tell: () => void): Disposable {
    this.#changed.add(tell);
    return { [Symbol.dispose]: () => this.#changed.delete(tell) };
  }

  /** One page of the principal's jobs that the bridged tools started. */
  async listJobs(pageToken: string | undefined, signal: AbortSignal): Promise<JobPage> {
    const { byName } = await this.registry.current();
    const page = await this.#client.listJobs({ signal, ...(pageToken !== undefined && { pageToken }) });
    return { ...page, jobs: page.jobs.filter(({ tool }) => byName.has(tool)) };
  }

  /** The tools for `tools/list`: those of the server by name, then the bridge's own. */
  async list(): Promise<Tool[]> {
    const { byHostName } = await this.registry.current();
    return [...byHostName.values(), ...this.jobTools.values()].map(({ listed }) => listed);
  }
}

/** Finds a tool that hosts may call. Throws an error of JSON-RPC if there is none. */
export function findTool({ byHostName }: OfferedTools, name: string) {
  const tool = byHostName.get(name);
  if (tool !== undefined) return tool;
  const fault: RpcFault = { code: -32602, message: `Unknown tool: ${JSON.stringify(name.slice(0, 128))}` };
  throw faultError(fault);
}
