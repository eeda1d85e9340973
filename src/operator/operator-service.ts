import type { AuditFeed, AuditPage, AuditQuery } from "../audit/audit-feed.ts";
import { SealwireError } from "../errors.ts";
import type { JobStats } from "../jobs/engine.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { isChangeable } from "../signing/key-ring/changeable-key-ring.ts";
import type { KeyRingSource } from "../signing/key-ring/types.ts";
import type {
  AllJobsQuery,
  AttemptRecord,
  InstanceRecord,
  OperatorJobView,
  OperatorView,
  ToolStats,
} from "../store/operator-view.ts";
import type { Store } from "../store/store.ts";
import type { OperatorAccess, OperatorAction, OperatorObserver } from "./action.ts";
import { type OperatorActor, requireRole } from "./actor.ts";
import type { CallStats, CallStatsSource } from "./call-stats.ts";
import { changeKey, type KeyChange } from "./key-changes.ts";
import { type KeyPage, type KeyQuery, type KeyUse, type KeyView, pageOfKeys, viewOfKey } from "./key-view.ts";
import { RecentValue } from "./recent-value.ts";

/** The process that answers. */
export interface InstanceIdentity {
  readonly id: string;
  /** Version of its software. */
  readonly version: string;
  /** When it started, Unix milliseconds. */
  readonly startedAtMs: number;
}

/** One page of the jobs of all clients, newest first. */
export interface AllJobsPage {
  readonly jobs: readonly OperatorJobView[];
  /** Absent if there are no more. */
  readonly nextPageToken?: string;
}

/** A job with its latest attempts. */
export interface JobDescription {
  readonly job: OperatorJobView;
  /** At most 10, newest first. */
  readonly attempts: readonly AttemptRecord[];
  /** The arguments of a job that has not ended; only if they were asked for. */
  readonly args?: JobArguments;
  /** The serialized `google.protobuf.Any` with the result of a job that has succeeded; only if it was asked for. */
  readonly result?: Uint8Array;
}

/** The arguments of a job. */
export interface JobArguments {
  /** Such as "type.googleapis.com/greet.v1.GreetRequest"; empty if this process does not serve the tool. */
  readonly typeUrl: string;
  /** The serialized request message. */
  readonly value: Uint8Array;
}

/** Statistics of this process's calls and of the store's jobs. */
export interface ServerStats {
  /** The process to which `calls` belongs. */
  readonly instance: InstanceIdentity;
  readonly calls: CallStats;
  /** The jobs of all processes. */
  readonly jobs: JobStats;
  /** The same by tool, sorted by name. */
  readonly tools: readonly ToolStats[];
}

/**
 * What operators see and do, behind the operator's tools and every other surface. A `viewer` may use the methods that
 * read, an `operator` all of them; the others throw TOOL_FORBIDDEN. Every method throws UNAVAILABLE while the store is
 * unavailable, and TOOL_FAILED with a message for the operator if it cannot do what was asked.
 */
export interface OperatorService {
  /** The process that answers. */
  readonly instance: InstanceIdentity;
  /** True if arguments and results of jobs may be shown, to operators. */
  readonly showsPayloads: boolean;
  /** Throws ARGS_INVALID naming `page_token` if the token does not belong to this query. */
  listJobs(actor: OperatorActor, query: AllJobsQuery): Promise<AllJobsPage>;
  /** Throws JOB_NOT_FOUND. `includePayloads` needs the role `operator` and a server that permits it. */
  describeJob(
    actor: OperatorActor,
    request: { readonly jobId: string; readonly includePayloads?: boolean },
  ): Promise<JobDescription>;
  /** Cancels a job of any client. Idempotent. Throws JOB_NOT_FOUND. */
  cancelJob(actor: OperatorActor, jobId: string): Promise<OperatorJobView>;
  /** The processes whose lease has not ended, oldest first. */
  listInstances(actor: OperatorActor): Promise<readonly InstanceRecord[]>;
  /** The keys that are in force in this process. Throws ARGS_INVALID naming `page_token`. */
  listKeys(actor: OperatorActor, query: KeyQuery): Promise<KeyPage>;
  /** Marks a key as retiring; `endsAtMs` is in Unix milliseconds, default: until it is revoked. Idempotent. */
  retireKey(actor: OperatorActor, request: { readonly keyId: string; readonly endsAtMs?: number }): Promise<KeyView>;
  /** Revokes a key permanently. Idempotent. */
  revokeKey(actor: OperatorActor, keyId: string): Promise<KeyView>;
  serverStats(actor: OperatorActor): Promise<ServerStats>;
  /** One page of the audit log of this process. Throws ARGS_INVALID naming `page_token`. */
  readAudit(actor: OperatorActor, query: AuditQuery): Promise<AuditPage>;
  /** Tells the observer of a sign-in elsewhere, or of a refusal there. */
  noteAccess(access: OperatorAccess): void;
}

/** Options of {@link createOperator}. */
export interface OperatorOptions {
  readonly store: Pick<Store, "jobs"> & { readonly operator: OperatorView };
  /** Its keys are changed only if it is stored, see {@link isChangeable}. */
  readonly keyRing: KeyRingSource;
  readonly stats: CallStatsSource;
  /** The last use of keys in this process. */
  readonly keyUse: () => KeyUse;
  /** Default: this server keeps no audit log. */
  readonly audit?: AuditFeed | undefined;
  /** Default: none. */
  readonly observer?: OperatorObserver | undefined;
  readonly instance: InstanceIdentity;
  /** True if arguments and results of jobs may be shown. */
  readonly payloads: boolean;
  /** The type URL of a job tool's arguments; `undefined` if this process does not serve the tool. Default: unknown. */
  readonly argsTypeOf?: ((tool: string) => string | undefined) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const ATTEMPTS_MAX = 10;

/** Creates the functions of operators on a store and a key ring. */
export function createOperator(options: OperatorOptions): OperatorService {
  return new StoreOperator(options);
}

class StoreOperator implements OperatorService {
  readonly #options: OperatorOptions;
  readonly #jobStats: RecentValue<JobStats>;
  readonly #toolStats: RecentValue<readonly ToolStats[]>;

  constructor(options: OperatorOptions) {
    const { store, clock } = options;
    this.#options = options;
    this.#jobStats = new RecentValue(clock, () => store.jobs.stats());
    this.#toolStats = new RecentValue(clock, () => store.operator.statsByTool());
  }

  get instance(): InstanceIdentity {
    return this.#options.instance;
  }

  get showsPayloads(): boolean {
    return this.#options.payloads;
  }

  async listJobs(actor: OperatorActor, query: AllJobsQuery): Promise<AllJobsPage> {
    requireRole(actor, "viewer");
    return this.#view.jobs(query);
  }

  async describeJob(
    actor: OperatorActor,
    { jobId, includePayloads = false }: { readonly jobId: string; readonly includePayloads?: boolean },
  ): Promise<JobDescription> {
    requireRole(actor, "viewer");
    if (includePayloads) this.#checkPayloads(actor);
    const job = found(await this.#view.job(jobId));
    const attempts = await this.#view.attempts(jobId, ATTEMPTS_MAX);
    if (!includePayloads) return { job, attempts };
    const [value, result] = [await this.#view.args(jobId), await this.#view.result(jobId)];
    const typeUrl = this.#options.argsTypeOf?.(job.tool) ?? "";
    return { job, attempts, ...(value !== null && { args: { typeUrl, value } }), ...(result !== null && { result }) };
  }

  async cancelJob(actor: OperatorActor, jobId: string): Promise<OperatorJobView> {
    const action = { actor, name: "cancel_any_job", target: { type: "job", id: jobId } } as const;
    return this.#act(action, async () => found(await this.#view.cancel(jobId)));
  }

  async listInstances(actor: OperatorActor): Promise<readonly InstanceRecord[]> {
    requireRole(actor, "viewer");
    return this.#view.instances();
  }

  async listKeys(actor: OperatorActor, query: KeyQuery): Promise<KeyPage> {
    requireRole(actor, "viewer");
    const lastUse = await this.#lastUse();
    return pageOfKeys(this.#options.keyRing.current(), query, lastUse);
  }

  async retireKey(
    actor: OperatorActor,
    { keyId, endsAtMs }: { readonly keyId: string; readonly endsAtMs?: number },
  ): Promise<KeyView> {
    const end = endsAtMs === undefined ? {} : { endsAtMs };
    return this.#changeKey(actor, "retire_key", { kind: "retire", keyId, ...end });
  }

  async revokeKey(actor: OperatorActor, keyId: string): Promise<KeyView> {
    return this.#changeKey(actor, "revoke_key", { kind: "revoke", keyId });
  }

  async serverStats(actor: OperatorActor): Promise<ServerStats> {
    requireRole(actor, "viewer");
    const { stats, instance } = this.#options;
    const [jobs, tools] = await Promise.all([this.#jobStats.get(), this.#toolStats.get()]);
    return { instance, calls: stats.read(), jobs, tools };
  }

  async readAudit(actor: OperatorActor, query: AuditQuery): Promise<AuditPage> {
    requireRole(actor, "viewer");
    const { audit } = this.#options;
    if (audit === undefined) throw refusal("This server keeps no audit log. Start it with --audit.");
    return audit.read(query);
  }

  noteAccess(access: OperatorAccess): void {
    this.#options.observer?.accessed(access);
  }

  get #view(): OperatorView {
    return this.#options.store.operator;
  }

  #checkPayloads(actor: OperatorActor): void {
    requireRole(actor, "operator");
    if (this.#options.payloads) return;
    throw refusal("This server shows no arguments and results of jobs. Start it with --operator-payloads.");
  }

  async #changeKey(actor: OperatorActor, name: "retire_key" | "revoke_key", change: KeyChange): Promise<KeyView> {
    const { keyId } = change;
    const { keyRing, clock, logger } = this.#options;
    return this.#act({ actor, name, target: { type: "key", id: keyId } }, async () => {
      await changeKey(keyRing, change, {
        nowMs: clock.nowMs(),
        onFailure: (err) => logger.error({ err, key_id: keyId }, "the key ring could not be changed for an operator"),
      });
      const key = keyRing.current().find(keyId);
      if (key !== undefined && key.state !== "active") return viewOfKey(key, await this.#lastUse());
      throw refusal("The key ring was changed, but this server cannot read it; its log has the cause.");
    });
  }

  /** Runs an action between the calls of the observer. */
  async #act<T>(action: OperatorAction, run: () => Promise<T>): Promise<T> {
    requireRole(action.actor, "operator");
    const { observer } = this.#options;
    await observer?.actionBegins(action);
    try {
      const result = await run();
      observer?.actionEnded(action, undefined);
      return result;
    } catch (thrown) {
      observer?.actionEnded(action, SealwireError.from(thrown));
      throw thrown;
    }
  }

  /** The last use at any server as far as it is recorded, and the use in this process, which is recorded later. */
  async #lastUse(): Promise<KeyUse> {
    const { keyRing, keyUse } = this.#options;
    const merged = new Map(isChangeable(keyRing) ? await keyRing.lastUse() : []);
    for (const [keyId, usedAtMs] of keyUse()) merged.set(keyId, Math.max(usedAtMs, merged.get(keyId) ?? 0));
    return merged;
  }
}

function found(job: OperatorJobView | null): OperatorJobView {
  if (job !== null) return job;
  throw new SealwireError("JOB_NOT_FOUND", "There is no such job in the store; check the job id.");
}

function refusal(message: string): SealwireError {
  return new SealwireError("TOOL_FAILED", message, { status: "FAILED_PRECONDITION" });
}
