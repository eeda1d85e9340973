import type { AboutAnswer } from "../../answers.ts";
import { currentMs } from "../clock.ts";
import { code, facts, type Shown, when } from "../elements.ts";
import { timeText } from "../format.ts";
import { html } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";

/** What the server is, and who is signed in. */
export class AboutPage extends LivePage<AboutAnswer> {
  readonly title = "About";

  constructor(context: PageContext) {
    super(context, "/api/about");
  }

  protected show(about: AboutAnswer): Shown {
    const { session } = this.context;
    return html`<section class="card">
        <h2>Server</h2>
        ${facts([
          ["Server id", code(about.serverId)],
          ["Sealwire", about.version],
          ["Protocol", about.protocol],
          ["Node.js", about.node],
          ["System", about.platform],
          ["Serves calls at", code(about.address)],
          [
            "TLS",
            about.tls === undefined ? "no" : about.tls.clientCertificate ? "yes, with certificates of callers" : "yes",
          ],
          ["Running since", html`${timeText(about.startedAtMs)} (${when(about.startedAtMs, currentMs())})`],
          ["Store", about.store],
          ["Tools", html`<a href="/tools">${about.tools}</a>`],
          ["Jobs at once", about.concurrency === 0 ? "none in this process" : about.concurrency],
        ])}
      </section>
      <section class="card">
        <h2>Your session</h2>
        ${facts([
          ["Name", code(session.name)],
          ["Role", session.role],
          ["Ends at the latest", html`${timeText(session.endsAtMs)} (${when(session.endsAtMs, currentMs())})`],
          ["The console", about.readOnly ? "is read-only for everybody" : "lets operators cancel jobs and change keys"],
        ])}
        <p class="help">
          The console shows no arguments and no results of calls and jobs, and never a secret. A viewer reads; an
          operator also cancels jobs, and retires and revokes keys. Nobody can run a job again here: its arguments are
          deleted at its end, and it is its client who calls.
        </p>
      </section>`;
  }
}
