import type { CheckAnswer, PolicyAnswer, TlsAnswer, ToolAnswer } from "../../answers.ts";
import { argumentsOf, blankOf, hashOf, withValue } from "../arguments.ts";
import { after } from "../clock.ts";
import { CLIENT_CERTIFICATE, toolCommands } from "../commands.ts";
import { code, copyButton, facts, outside, pill, problemBox, type Shown } from "../elements.ts";
import { numberText, plainText, spanText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";
import { schemaForm } from "../schema-form.ts";
import { act, problemFrom, type ServerProblem } from "../server.ts";

/** How long after a change the arguments are checked, in milliseconds. */
const CHECK_MS = 250;

/** One tool: what the contract says of it, a form for its arguments, and commands that call it. */
export class ToolPage extends LivePage<ToolAnswer> {
  readonly title: string;
  #args: unknown;
  #check: CheckAnswer | undefined;
  #problem: ServerProblem | undefined;
  #stopTimer = (): void => {};

  constructor(context: PageContext) {
    super(context, `/api/tools/${encodeURIComponent(context.place.name)}`);
    this.title = plainText(context.place.name, 80);
    this.#args = argumentsOf(location.hash);
  }

  override close(): void {
    this.#stopTimer();
    super.close();
  }

  protected override received({ input }: ToolAnswer): void {
    if (this.#args === undefined) this.#args = blankOf(input);
    if (this.#check === undefined) this.#checkLater(0);
  }

  protected show(tool: ToolAnswer): Shown {
    return html`<p class="back"><a href="/tools">All tools</a></p>
      <p class="lead">${outside(tool.description)}</p>
      <section class="card">
        <h2>Contract</h2>
        ${facts([
          ["Method", code(tool.method)],
          ["Kind", tool.kind],
          ["Effect", html`${tool.effect}${tool.destructive ? html` ${pill("destructive", "bad")}` : nothing}`],
          ["Runs at", tool.host === undefined ? "this server" : outside(tool.host)],
          ["Request", code(tool.requestType)],
          ["Response", code(tool.responseType)],
          ["Contract digest", code(tool.digest)],
          ["Definition digest", code(tool.definitionDigest)],
        ])}
        ${tool.policy === undefined ? nothing : policy(tool.policy)}
        ${tool.output === undefined ? nothing : html`<details><summary>JSON Schema of the output</summary><pre tabindex="0">${JSON.stringify(tool.output, null, 2)}</pre></details>`}
        <details><summary>JSON Schema of the arguments</summary><pre tabindex="0">${JSON.stringify(tool.input, null, 2)}</pre></details>
      </section>
      ${tool.system ? nothing : this.#renderForm(tool)}`;
  }

  #renderForm(tool: ToolAnswer): TemplateResult {
    const problems = this.#check?.problems ?? [];
    const onChange = (path: readonly (string | number)[], value: unknown): void => {
      this.#args = withValue(this.#args, path, value) ?? {};
      history.replaceState(null, "", hashOf(this.#args));
      this.#checkLater(CHECK_MS);
      this.context.update();
    };
    const general = problems.filter(({ field }) => field === "");
    const hasFields = Object.keys(tool.input.properties ?? {}).length > 0;
    const commands = toolCommands({ ...tool, host: location.hostname, args: this.#args });
    return html`<section class="card">
        <h2>Arguments</h2>
        <form @submit=${(event: Event) => event.preventDefault()}>
          ${hasFields ? schemaForm(tool.input, this.#args, { problems, onChange }) : html`<p class="help">The tool has no arguments.</p>`}
        </form>
        <div role="status">
          ${general.map(({ message }) => html`<p class="problem">${outside(message)}</p>`)}
          ${this.#verdict(problems.length)}
        </div>
        ${problemBox(this.#problem)}
      </section>
      <section class="card">
        <h2>Call it</h2>
        <p class="help">The console calls no tool: a call is signed with a client's key. Run one of these where the key is.</p>
        ${tool.tls === undefined ? nothing : tlsFiles(tool.tls)}
        ${command("sealwire call", commands.sealwire)}
        ${command("grpcurl, signed by sealwire", commands.grpcurl)}
        ${command("grpcurl through sealwire proxy", commands.proxied)}
      </section>`;
  }

  #verdict(count: number): Shown {
    if (this.#check === undefined) return nothing;
    if (count === 0) return html`<p class="fine">The arguments keep all rules of the contract.</p>`;
    return html`<p class="unfit">${count === 1 ? "One problem" : `${count} problems`}: the server would refuse these arguments.</p>`;
  }

  #checkLater(delayMs: number): void {
    this.#stopTimer();
    this.#stopTimer = after(delayMs, () => void this.#checkNow());
  }

  async #checkNow(): Promise<void> {
    try {
      const { name } = this.context.place;
      this.#check = await act<CheckAnswer>(`/api/tools/${encodeURIComponent(name)}/check`, { args: this.#args });
      this.#problem = undefined;
    } catch (thrown) {
      this.#problem = problemFrom(thrown);
    }
    this.context.update();
  }
}

/** What the files in the commands are, which may have other paths where the commands are run. */
function tlsFiles({ ca, clientCertificate }: TlsAnswer): Shown {
  const { certificate, key } = CLIENT_CERTIFICATE;
  if (ca === undefined && !clientCertificate) return nothing;
  return html`<p class="help">
    ${ca === undefined ? nothing : html`${code(ca)} stands for the certificate authority of the server.`}
    ${clientCertificate ? html`${code(certificate)} and ${code(key)} stand for the certificate of the caller.` : nothing}
    Give the paths of the files where you run the command.
  </p>`;
}

function command(label: string, text: string): TemplateResult {
  return html`<div class="command">
    <div class="command-head"><h3>${label}</h3>${copyButton(() => text, "Copy")}</div>
    <pre tabindex="0"><bdi>${plainText(text, 20_000)}</bdi></pre>
  </div>`;
}

function policy(each: PolicyAnswer): TemplateResult {
  return html`<h3>Job policy</h3>
    ${facts([
      ["Attempts", numberText(each.maxAttempts)],
      ["Backoff", `${spanText(each.initialBackoffMs)}, ${spanText(each.maxBackoffMs)} at most`],
      ["Waits in the queue", `${spanText(each.queueTimeoutMs)} at most`],
      ["Runs", `${spanText(each.executionTimeoutMs)} at most`],
      ["Heartbeat", each.heartbeatTimeoutMs === undefined ? undefined : `every ${spanText(each.heartbeatTimeoutMs)}`],
      ["Cancel grace", spanText(each.cancelGraceMs)],
      ["Kept after its end", spanText(each.retentionMs)],
      ["Priority", numberText(each.priority)],
    ])}`;
}
