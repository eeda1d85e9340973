import type { SessionAnswer } from "../answers.ts";
import { App } from "./app.ts";
import { showSignIn } from "./pages/sign-in.ts";
import { read, signIn } from "./server.ts";
import { keepSessionToken, sessionToken, takeOfferedToken } from "./session.ts";

function open(session: SessionAnswer): void {
  new App(session, () => showSignIn({ onSession: open, message: "You are signed out." }));
}

/** Signs in with the token of the address, or continues the session of this tab. */
async function start(): Promise<void> {
  const offered = takeOfferedToken();
  if (offered === "" && sessionToken() === "") {
    showSignIn({ onSession: open, message: "" });
    return;
  }
  try {
    open(offered === "" ? await read<SessionAnswer>("/api/session") : await signIn(offered));
  } catch (thrown) {
    keepSessionToken("");
    showSignIn({ onSession: open, message: (thrown as Error).message });
  }
}

void start();
