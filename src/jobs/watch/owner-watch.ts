import { SealwireError } from "../../errors.ts";
import type { JobNews, WatchAllOptions } from "../engine.ts";
import type { JobView } from "../job.ts";
import type { OwnerListener, OwnerNotifier } from "./owner-notifier.ts";

/** Follows all jobs of `owner`, as {@link JobEngine.watchAll} says. */
export async function* watchOwner(
  notifier: OwnerNotifier,
  owner: string,
  { tool, endedSinceMs, signal }: WatchAllOptions = {},
): AsyncGenerator<JobNews, void, undefined> {
  if (signal?.aborted) return;
  const inbox = new Inbox(notifier, tool, signal);
  // Before the first read: what is committed during it is published, or found by the next.
  using _membership = notifier.join(owner, inbox);
  using _inbox = inbox;
  checkOpen(notifier);
  const { resumeMs, past, pages } = await notifier.read(owner, endedSinceMs);
  inbox.skip(past);
  // Until all ends that were asked for are given, a watch that follows has to ask for the same.
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

/** What a watch gave of a job. */
interface Given {
  readonly revision: number;
  readonly endedAtMs: number | undefined;
}

/** Merges what comes in until it is taken, and knows what was taken, so that nothing is given twice. */
class Inbox implements OwnerListener, Disposable {
  readonly #notifier: OwnerNotifier;
  readonly #tool: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #pending = new Map<string, JobView>();
  /** The open jobs, and those that a read may bring again. */
  readonly #given = new Map<string, Given>();
  #resumeMs: number | undefined;
  /** True if `resumeMs` is worth telling without a job: a watch that follows would be given less. */
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

  /** Takes jobs that are not to be given. */
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

  /** An end before `resumeMs` of a job that is not known to be open was given, and forgotten since. */
  read(view: JobView): void {
    const isOld = view.endedAtMs !== undefined && view.endedAtMs < (this.#resumeMs ?? 0);
    if (!isOld || this.#pending.has(view.jobId) || this.#given.has(view.jobId)) this.published(view);
  }

  /** `before`: what was told last, if not by the read before. */
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

  /** Resolves, in its turn, when there is news, nothing more to come, or the signal aborts. */
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
