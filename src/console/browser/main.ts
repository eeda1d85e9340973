import type { SessionAnswer } from "../answers.ts";
import { App } from "./app.ts";
import { showSignIn } from "./pages/sign-in.ts";
import { signIn } from "./server.ts";
import { keptSession, takeOfferedToken } from "./session.ts";

function open(session: SessionAnswer): void {
  new App(session, () => showSignIn({ onSession: open, message: "You are signed out." }));
}

/** Signs in with the token of the address, or continues the session of this tab. The server says if it has ended. */
async function start(): Promise<void> {
  const offered = takeOfferedToken();
  const kept = keptSession();
  if (offered === "") {
    if (kept === undefined) showSignIn({ onSession: open, message: "" });
    else open(kept);
    return;
  }
  try {
    open(await signIn(offered));
  } catch (thrown) {
    showSignIn({ onSession: open, message: (thrown as Error).message });
  }
}

void start();
