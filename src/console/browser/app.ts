import type { SessionAnswer } from "../answers.ts";
import { every } from "./clock.ts";
import { Confirmation, type Question } from "./confirmation.ts";
import { focusHeading, keepingFocus } from "./focus.ts";
import { html, nothing, render, type TemplateResult } from "./lit-html.js";
import { PAGES, type Place, placeOf } from "./location.ts";
import type { Page, PageContext } from "./page.ts";
import { openPage } from "./pages.ts";
import { signOut } from "./server.ts";
import { forgetSession } from "./session.ts";

/** How often times such as "3 s ago" are written anew, in milliseconds. */
const TICK_MS = 5_000;

/** The console of somebody who is signed in: the navigation, and one page. */
export class App {
  readonly #session: SessionAnswer;
  readonly #onSignedOut: () => void;
  readonly #end = new AbortController();
  #place: Place;
  #page: Page;
  #isPaused = false;
  #confirmation: Confirmation | undefined;

  constructor(session: SessionAnswer, onSignedOut: () => void) {
    this.#session = session;
    this.#onSignedOut = onSignedOut;
    this.#place = placeOf(location);
    const { signal } = this.#end;
    window.addEventListener("popstate", () => this.#follow(), { signal });
    document.addEventListener("click", (event) => this.#onClick(event), { signal });
    const stop = every(TICK_MS, () => {
      if (!document.hidden && !this.#isPaused) this.#update();
    });
    signal.addEventListener("abort", stop);
    this.#page = openPage(this.#context(undefined));
    this.#update();
  }

  #context(previous: Page | undefined): PageContext {
    return {
      previous,
      place: this.#place,
      session: this.#session,
      isPaused: this.#isPaused,
      update: () => this.#update(),
      go: (href, { replaces = false } = {}) => this.#go(href, replaces),
      ask: (question) => this.#ask(question),
      signedOut: () => this.#signedOut(),
    };
  }

  #go(href: string, replaces = false): void {
    if (href === `${location.pathname}${location.search}`) return;
    if (replaces) history.replaceState(null, "", href);
    else history.pushState(null, "", href);
    this.#follow();
  }

  /** Opens the page of the address. */
  #follow(): void {
    const before = this.#place;
    const page = this.#page;
    page.close();
    this.#place = placeOf(location);
    this.#confirmation = undefined;
    const isSame = before.page === this.#place.page && before.name === this.#place.name;
    this.#page = openPage(this.#context(isSame ? page : undefined));
    this.#update();
    if (isSame) return;
    focusHeading();
    window.scrollTo(0, 0);
  }

  /** Follows links within the console without loading it again. */
  #onClick(event: MouseEvent): void {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!isPlain || link === null || link.hasAttribute("download") || link.origin !== location.origin) return;
    event.preventDefault();
    // What follows "#" in the address is the state of a page: a link within the page must not replace it.
    const inPage = link.getAttribute("href")?.startsWith("#") ?? false;
    if (inPage) document.querySelector<HTMLElement>(link.hash)?.focus();
    else this.#go(`${link.pathname}${link.search}`);
  }

  #ask(question: Question): void {
    this.#confirmation = undefined;
    this.#update();
    const onEnd = (): void => {
      // An earlier question may tell its end after this one was asked.
      if (this.#confirmation !== confirmation) return;
      this.#confirmation = undefined;
      this.#update();
      // The button that asked may have gone meanwhile.
      if (document.activeElement === document.body) focusHeading();
    };
    const confirmation = new Confirmation(question, { onChange: () => this.#update(), onEnd });
    this.#confirmation = confirmation;
    this.#update();
    document.querySelector("dialog")?.showModal();
  }

  #pause(): void {
    this.#isPaused = !this.#isPaused;
    this.#page.pause(this.#isPaused);
    this.#update();
  }

  async #leave(): Promise<void> {
    try {
      await signOut();
    } catch {
      // A session that the server was not told to end ends by itself.
    }
    this.#signedOut();
  }

  #signedOut(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#page.close();
    forgetSession();
    this.#onSignedOut();
  }

  #update(): void {
    if (this.#end.signal.aborted) return;
    document.title = `${this.#page.title} · Sealwire`;
    keepingFocus(() => void render(this.#render(), document.body));
  }

  #render(): TemplateResult {
    const { name, role } = this.#session;
    return html`<a class="skip" href="#content">Skip to the content</a>
      <header>
        <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="24" height="24">Sealwire</a>
        <nav aria-label="Pages">
          <ul>${PAGES.map(({ path, title }) => html`<li><a href=${path} aria-current=${this.#current(path)}>${title}</a></li>`)}</ul>
        </nav>
        <div class="status">
          ${this.#page.isLive ? this.#renderLive() : nothing}
          <span class="who" title=${`Signed in as ${name}`}>${name} <span class="role">${role}</span></span>
          <button type="button" class="quiet" @click=${() => void this.#leave()}>Sign out</button>
        </div>
      </header>
      <main id="content" tabindex="-1">
        <h1 tabindex="-1">${this.#page.title}</h1>
        ${this.#page.render()}
      </main>
      ${this.#confirmation?.render() ?? nothing}`;
  }

  #renderLive(): TemplateResult {
    const label = this.#isPaused ? "Paused" : "Live";
    return html`<button type="button" class="live" aria-pressed=${this.#isPaused ? "true" : "false"}
      title=${this.#isPaused ? "Continue" : "Pause"} @click=${() => this.#pause()}>
      <span class="dot" aria-hidden="true"></span>${label}</button>`;
  }

  #current(path: string): string | typeof nothing {
    return path === this.#place.page ? "page" : nothing;
  }
}
