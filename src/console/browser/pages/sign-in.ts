import type { SessionAnswer } from "../../answers.ts";
import { focusHeading } from "../focus.ts";
import { html, nothing, render } from "../lit-html.js";
import { signIn } from "../server.ts";

/** What {@link showSignIn} shows, and what follows. */
export interface SignInOptions {
  onSession(session: SessionAnswer): void;
  /** Why somebody has to sign in; "" if there is nothing to say. */
  readonly message: string;
}

/** Shows the form that asks for a token. */
export function showSignIn({ onSession, message }: SignInOptions): void {
  document.title = "Sign in · Sealwire";
  let isSent = false;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    // A one-time token works once: what is sent twice would end the session that the first one began.
    if (isSent) return;
    isSent = true;
    const input = (event.currentTarget as HTMLFormElement).querySelector("input");
    try {
      onSession(await signIn(tokenOf(input?.value ?? "")));
      focusHeading();
    } catch (thrown) {
      showSignIn({ onSession, message: (thrown as Error).message });
      document.querySelector("input")?.select();
    }
  };
  render(
    html`<main class="sign-in">
      <h1><img src="/assets/icon.svg" alt="" width="32" height="32">Sealwire console</h1>
      <form @submit=${submit}>
        <label for="token">Token, or the URL that the server has printed</label>
        <input id="token" type="password" autocomplete="off" required aria-describedby="message">
        <p id="message" role="alert" class=${message === "" ? "empty" : "problem"}>${message === "" ? nothing : message}</p>
        <button type="submit" class="main">Sign in</button>
      </form>
      <p class="help">
        <code>sealwire serve --console</code> prints a URL that works once. Where there is a token file, use your own
        token.
      </p>
    </main>`,
    document.body,
  );
  document.querySelector("input")?.focus();
}

/** The token in what was typed, which may be the whole URL. */
function tokenOf(text: string): string {
  return text.trim().replace(/^.*#token=/, "");
}
