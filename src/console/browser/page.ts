import type { SessionAnswer } from "../answers.ts";
import type { Question } from "./confirmation.ts";
import { problemBox, type Shown } from "./elements.ts";
import { html, nothing, type TemplateResult } from "./lit-html.js";
import { LiveView } from "./live.ts";
import type { Place } from "./location.ts";
import type { ServerProblem } from "./server.ts";

/** What a page gets from the console around it. */
export interface PageContext {
  readonly place: Place;
  readonly session: SessionAnswer;
  readonly isPaused: boolean;
  /** The page that was open before in this place, whose data is shown until there is newer. */
  readonly previous: Page | undefined;
  /** Shows the page as it is now. */
  update(): void;
  /** Opens an address of the console, in place of the present one in the history if it `replaces` it. */
  go(href: string, options?: { readonly replaces?: boolean }): void;
  /** Asks before something is done. */
  ask(question: Question): void;
  /** Tells that the session has ended. */
  signedOut(): void;
}

/** A page that is open. */
export interface Page {
  readonly title: string;
  /** True if it changes by itself, and can be paused. */
  readonly isLive: boolean;
  render(): TemplateResult;
  pause(isPaused: boolean): void;
  close(): void;
}

/** A page that shows a live view. */
export abstract class LivePage<T> implements Page {
  abstract readonly title: string;
  readonly isLive: boolean = true;
  protected readonly context: PageContext;
  protected data: T | undefined;
  /** True if the data is that of another address. */
  protected isOld = false;
  #problem: ServerProblem | undefined;
  readonly #view: LiveView<T>;

  constructor(context: PageContext, path: string) {
    this.context = context;
    if (context.previous instanceof LivePage && context.previous.constructor === new.target) {
      this.data = context.previous.data as T | undefined;
      this.isOld = this.data !== undefined;
    }
    this.#view = new LiveView<T>(path, context.isPaused, {
      onData: (data) => {
        this.data = data;
        this.isOld = false;
        this.#problem = undefined;
        this.received(data);
        context.update();
      },
      onProblem: (problem) => {
        this.#problem = problem;
        if (problem.reason === "SIGNED_OUT") context.signedOut();
        else context.update();
      },
    });
  }

  render(): TemplateResult {
    const { data } = this;
    return html`${problemBox(this.#problem)} ${
      data === undefined
        ? this.#problem === undefined
          ? this.waiting()
          : this.#wayOut()
        : html`<div class="live-data" aria-busy=${this.isOld ? "true" : "false"}>${this.show(data)}</div>`
    }`;
  }

  pause(isPaused: boolean): void {
    this.#view.pause(isPaused);
  }

  close(): void {
    this.#view.close();
  }

  /** The page without what the address says of it, which the server may have refused. */
  #wayOut(): Shown {
    const { page, name, query } = this.context.place;
    return name === "" && query.size === 0 ? nothing : html`<p><a href=${page}>Show all</a></p>`;
  }

  /** Called with the data each time that it comes. */
  protected received(_data: T): void {}

  /** What is shown before there is data. */
  protected waiting(): Shown {
    return html`<p class="empty" aria-busy="true">Reading…</p>`;
  }

  protected abstract show(data: T): Shown;
}
