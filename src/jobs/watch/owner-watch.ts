import { SealwireError } from "../../errors.ts";
import type { JobNews, WatchAllOptions } from "../engine.ts";
import type { JobView } from "../job.ts";
import type { OwnerListener, OwnerNotifier } from "./owner-notifier.ts";

/** Watches all jobs of `owner`; see {@link JobEngine.watchAll}. */
export async function* watchOwner(
  notifier: OwnerNotifier,
  owner: string,
  { tool, endedSinceMs, signal }: WatchAllOptions = {},
): AsyncGenerator<JobNews, void, undefined> {
  if (signal?.aborted) return;
  const inbox = new Inbox(notifier, tool, signal);
  // Joins before the first read, so that a change that is committed during the read is published or found by the next
  // read.
  using _membership = notifier.join(owner, inbox);
  using _inbox = inbox;
  checkOpen(notifier);
  const { resumeMs, past, pages } = await notifier.read(owner, endedSinceMs);
  inbox.skip(past);
  // Until all requested ended jobs have been yielded, a resumed watch must request the same ones.
  const beginMs = Math.min(endedSinceMs ?? resumeMs, resumeMs);
  yield { jobs: [], resumeMs: beginMs };
  for await (const page of pages) {
    if (inbox.over) return;
    if (inbox.hasNews) yield { jobs: inbox.take(), resumeMs: beginMs };
    for (const view of page) inbox.read(view);
  }
  inbox.caughtUp(resumeMs, beginMs);
  while (!inbox.over) {
    checkOpen(notifier);
    if (inbox.hasNews) yield { jobs: inbox.take(), resumeMs: inbox.resumeMs ?? beginMs };
    else await inbox.news();
  }
}

function checkOpen(notifier: OwnerNotifier): void {
  if (notifier.closed) throw new SealwireError("UNAVAILABLE", "The server's store is closing; watch again.");
}

/** The state of a job that a watch has yielded. */
interface Given {
  readonly revision: number;
  readonly endedAtMs: number | undefined;
}

/** Merges incoming changes until they are taken, and records the taken revisions, so that none is yielded twice. */
class Inbox implements OwnerListener, Disposable {
  readonly #notifier: OwnerNotifier;
  readonly #tool: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #pending = new Map<string, JobView>();
  /** The yielded revisions of open jobs, and of jobs that a read may return again. */
  readonly #given = new Map<string, Given>();
  #resumeMs: number | undefined;
  /** True if `resumeMs` should be yielded without a job, so that a resumed watch reads fewer jobs. */
  #progressed = false;
  #wake: (() => void) | undefined;
  readonly #onAbort = (): void => this.#wake?.();

  constructor(notifier: OwnerNotifier, tool: string | undefined, signal: AbortSignal | undefined) {
    this.#notifier = notifier;
    this.#tool = tool;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get resumeMs(): number | undefined {
    return this.#resumeMs;
  }

  get over(): boolean {
    return this.#signal?.aborted ?? false;
  }

  get hasNews(): boolean {
    return this.#pending.size > 0 || this.#progressed;
  }

  /** Records jobs that must not be yielded. */
  skip(past: readonly JobView[]): void {
    for (const { jobId, revision, endedAtMs } of past) this.#given.set(jobId, { revision, endedAtMs });
  }

  published(view: JobView): void {
    if (this.#tool !== undefined && view.tool !== this.#tool) return;
    const known = this.#pending.get(view.jobId) ?? this.#given.get(view.jobId);
    if (known !== undefined && known.revision >= view.revision) return;
    this.#pending.set(view.jobId, view);
    this.#wake?.();
  }

  /** Ignores terminal states before `resumeMs` of unknown jobs. They were yielded and evicted earlier. */
  read(view: JobView): void {
    const isOld = view.endedAtMs !== undefined && view.endedAtMs < (this.#resumeMs ?? 0);
    if (!isOld || this.#pending.has(view.jobId) || this.#given.has(view.jobId)) this.published(view);
  }

  /** `before`: the last `resumeMs` that was yielded, if not the one of the previous read. */
  caughtUp(resumeMs: number, before = resumeMs): void {
    this.#resumeMs = Math.max(this.#resumeMs ?? 0, resumeMs);
    this.#progressed ||= before < resumeMs;
    for (const [jobId, { endedAtMs }] of this.#given) {
      if (endedAtMs === undefined || endedAtMs >= this.#resumeMs) continue;
      this.#given.delete(jobId);
      this.#progressed = true;
    }
    if (this.#progressed) this.#wake?.();
  }

  closed(): void {
    this.#wake?.();
  }

  take(): JobView[] {
    const jobs = [...this.#pending.values()];
    this.skip(jobs);
    this.#pending.clear();
    this.#progressed = false;
    return jobs;
  }

  /** Resolves when there are changes, when the store closes or when the signal aborts. */
  async news(): Promise<void> {
    if (this.over) return;
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        this.#notifier.inTurn(resolve);
      };
    });
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
