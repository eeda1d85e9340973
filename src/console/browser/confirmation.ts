import { problemBox } from "./elements.ts";
import { html, type TemplateResult } from "./lit-html.js";
import { problemFrom, type ServerProblem } from "./server.ts";

/** A question before something is done. */
export interface Question {
  readonly title: string;
  readonly text: TemplateResult;
  /** What the button says, such as "Revoke". */
  readonly action: string;
  /** True if it cannot be undone. */
  readonly isDestructive: boolean;
  run(): Promise<void>;
}

/** A question that is asked. */
export class Confirmation {
  readonly #question: Question;
  readonly #onChange: () => void;
  readonly #onEnd: () => void;
  #problem: ServerProblem | undefined;
  #isRunning = false;

  constructor(question: Question, { onChange, onEnd }: { readonly onChange: () => void; readonly onEnd: () => void }) {
    this.#question = question;
    this.#onChange = onChange;
    this.#onEnd = onEnd;
  }

  render(): TemplateResult {
    const { title, text, action, isDestructive } = this.#question;
    return html`<dialog aria-labelledby="question" @cancel=${this.#stay} @close=${this.#onEnd}>
      <h2 id="question">${title}</h2>
      ${text} ${problemBox(this.#problem)}
      <div class="buttons">
        <button type="button" autofocus @click=${this.#close}>Keep it as it is</button>
        <button type="button" class=${isDestructive ? "danger" : "main"} aria-disabled=${this.#isRunning ? "true" : "false"} @click=${this.#run}>
          ${action}
        </button>
      </div>
    </dialog>`;
  }

  readonly #close = (event: Event): void => {
    if (!this.#isRunning) (event.currentTarget as Element).closest("dialog")?.close();
  };

  /** While it is done the question stays, so that a failure is seen. */
  readonly #stay = (event: Event): void => {
    if (this.#isRunning) event.preventDefault();
  };

  readonly #run = async (event: Event): Promise<void> => {
    if (this.#isRunning) return;
    const dialog = (event.currentTarget as Element).closest("dialog");
    this.#isRunning = true;
    this.#onChange();
    try {
      await this.#question.run();
      dialog?.close();
    } catch (thrown) {
      this.#problem = problemFrom(thrown);
      this.#isRunning = false;
      this.#onChange();
    }
  };
}
