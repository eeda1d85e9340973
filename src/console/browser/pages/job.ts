import type { AttemptRow, JobAnswer, PayloadsAnswer } from "../../answers.ts";
import { type Segment, spanBar } from "../charts.ts";
import { currentMs } from "../clock.ts";
import { code, empty, facts, outside, pill, problemBox, type Shown, table, when } from "../elements.ts";
import { countText, numberText, plainText, spanText, timeText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { hrefOf } from "../location.ts";
import { LivePage, type PageContext } from "../page.ts";
import { act, problemFrom, read, type ServerProblem } from "../server.ts";

/** The colours of attempts. */
const TONES: Readonly<Record<string, string>> = {
  SUCCEEDED: "good",
  FAILED: "bad",
  LOST: "bad",
  CANCELLED: "off",
  HANDED_BACK: "waiting",
};

/** One job: its time, its attempts and its progress. */
export class JobPage extends LivePage<JobAnswer> {
  readonly title: string;
  #payloads: PayloadsAnswer | undefined;
  #payloadProblem: ServerProblem | undefined;

  constructor(context: PageContext) {
    super(context, `/api/jobs/${encodeURIComponent(context.place.name)}`);
    this.title = `Job ${plainText(context.place.name, 80)}`;
  }

  protected show(job: JobAnswer): Shown {
    const nowMs = currentMs();
    const isOpen = job.endedAtMs === undefined;
    return html`<p class="back"><a href="/jobs">All jobs</a></p>
      <section class="card">
        <div class="card-head">
          <h2>${pill(job.state)} ${isOpen && job.cancelRequested ? pill("cancelling", "waiting") : nothing}</h2>
          ${isOpen && !job.cancelRequested ? this.#cancelButton(job) : nothing}
        </div>
        ${progress(job)}
        ${job.error === undefined ? nothing : html`<p class="problem"><strong>${outside(job.error.reason)}</strong> ${outside(job.error.message)}</p>`}
        ${facts([
          ["Tool", html`<a href=${`/tools/${encodeURIComponent(job.tool)}`}>${code(job.tool)}</a>`],
          ["Client", html`<a href=${hrefOf("/jobs", { client: job.client })}>${code(job.client)}</a>`],
          ["Request id", code(job.requestId)],
          ["Trace id", job.traceId === undefined ? undefined : code(job.traceId)],
          [
            "Attempt",
            job.attempt === 0 ? `none yet, ${job.maxAttempts} at most` : `${job.attempt} of ${job.maxAttempts}`,
          ],
          ["Created", html`${timeText(job.createdAtMs)} (${when(job.createdAtMs, nowMs)})`],
          ["Started", job.startedAtMs === undefined ? undefined : timeText(job.startedAtMs)],
          ["Ended", job.endedAtMs === undefined ? undefined : timeText(job.endedAtMs)],
          [
            "Deleted at",
            job.expiresAtMs === undefined
              ? undefined
              : html`${timeText(job.expiresAtMs)} (${when(job.expiresAtMs, nowMs)})`,
          ],
          ["Revision", numberText(job.revision)],
        ])}
        ${this.#payloadPart(job)}
      </section>
      <section class="card">
        <h2>Timeline</h2>
        ${timeline(job, nowMs)}
      </section>`;
  }

  /** The arguments and the result, once an operator has asked for them. They are not read again. */
  #payloadPart({ hasPayloads }: JobAnswer): Shown {
    const mayShow = hasPayloads && this.context.session.role === "operator";
    if (!mayShow) return html`<p class="help">Arguments and results are the client's, and are not shown.</p>`;
    if (this.#payloads === undefined) {
      return html`<p><button type="button" @click=${() => void this.#showPayloads()}>Show arguments and result</button></p>
        ${problemBox(this.#payloadProblem)}`;
    }
    const { args, result } = this.#payloads;
    const isNone = args === undefined && result === undefined;
    return html`<div role="status">
      ${args === undefined ? nothing : payload("Arguments", args)}
      ${result === undefined ? nothing : payload("Result", result)}
      ${isNone ? html`<p class="help">There are none: arguments are deleted when a job ends.</p>` : nothing}
    </div>`;
  }

  async #showPayloads(): Promise<void> {
    this.#payloadProblem = undefined;
    try {
      this.#payloads = await read<PayloadsAnswer>(`/api/jobs/${encodeURIComponent(this.context.place.name)}/payloads`);
    } catch (thrown) {
      this.#payloadProblem = problemFrom(thrown);
    }
    this.context.update();
  }

  #cancelButton({ jobId, tool, client }: JobAnswer): Shown {
    if (this.context.session.role !== "operator") return nothing;
    const cancel = (): void =>
      this.context.ask({
        title: "Cancel this job?",
        text: html`<p>The job ${code(jobId)} of ${code(tool)} belongs to ${code(client)}. A job that runs is told to stop, and
          ends as cancelled after its grace period at the latest. It cannot be continued.</p>`,
        action: "Cancel the job",
        isDestructive: true,
        run: () => act(`/api/jobs/${encodeURIComponent(jobId)}/cancel`),
      });
    return html`<button type="button" class="danger" @click=${cancel}>Cancel…</button>`;
  }
}

function payload(label: string, text: string): TemplateResult {
  return html`<h3>${label}</h3>
    <pre tabindex="0"><bdi>${plainText(text, 101_000)}</bdi></pre>`;
}

function progress({ progress: made }: JobAnswer): Shown {
  if (made === undefined) return nothing;
  const { done, total, message } = made;
  const label = total > 0 ? `${numberText(done)} of ${numberText(total)}` : numberText(done);
  return html`<p class="progress">
    ${total > 0 ? html`<progress max=${total} value=${done} aria-label="Progress"></progress>` : nothing}
    <b>${label}</b> ${outside(message)}
  </p>`;
}

/** The time of the job as a whole, and each attempt in it, the first at the top. */
function timeline(job: JobAnswer, nowMs: number): Shown {
  const untilMs = Math.max(job.endedAtMs ?? nowMs, job.createdAtMs + 1);
  const span = untilMs - job.createdAtMs;
  const attempts = [...job.attempts].reverse();
  const segments = attempts.map((attempt) => segmentOf(attempt, untilMs));
  const isWaiting = job.state === "QUEUED";
  const earlier = (attempts[0]?.attempt ?? 1) - 1;
  return html`<div class="timeline">
      ${line("Job", spanText(span), spanBar([{ fromMs: job.createdAtMs, untilMs, tone: "waiting" }, ...segments], job.createdAtMs, untilMs))}
      ${attempts.map((attempt, index) => {
        const segment = segments[index] ?? segmentOf(attempt, untilMs);
        return line(
          `Attempt ${attempt.attempt}`,
          spanText(segment.untilMs - segment.fromMs),
          spanBar([segment], job.createdAtMs, untilMs),
        );
      })}
    </div>
    <p class="help">From ${timeText(job.createdAtMs)}, ${spanText(span)}${isWaiting ? ", and it waits" : ""}.</p>
    ${job.attempts.length === 0 ? empty("No attempt has begun.") : attemptTable(attempts, nowMs)}
    ${earlier === 0 ? nothing : html`<p class="help">${countText(earlier, "earlier attempt")} ${earlier === 1 ? "is" : "are"} not shown.</p>`}`;
}

function line(name: string, length: string, drawn: TemplateResult): TemplateResult {
  return html`<div class="timeline-row"><span>${name}</span>${drawn}<span class="number">${length}</span></div>`;
}

function segmentOf({ startedAtMs, endedAtMs, outcome }: AttemptRow, untilMs: number): Segment {
  return { fromMs: startedAtMs, untilMs: endedAtMs ?? untilMs, tone: TONES[outcome ?? ""] ?? "busy" };
}

function attemptTable(attempts: readonly AttemptRow[], nowMs: number): TemplateResult {
  return table(
    "Attempts",
    ["Attempt", "Outcome", "Instance", "Started", ["Took"], "Failure"],
    attempts.map(
      ({ attempt, outcome, instance, startedAtMs, endedAtMs, error }) => html`<tr>
        <th scope="row">${attempt}</th>
        <td>${pill(outcome ?? "RUNNING")}</td>
        <td>${code(instance)}</td>
        <td>${timeText(startedAtMs)}</td>
        <td class="number">${spanText((endedAtMs ?? nowMs) - startedAtMs)}</td>
        <td class="wide">${error === undefined ? "–" : html`${code(error.reason)} ${outside(error.message, 256)}`}</td>
      </tr>`,
    ),
  );
}
