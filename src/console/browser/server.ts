import type { ProblemAnswer, SignInAnswer } from "../answers.ts";
import { followServerClock } from "./clock.ts";
import { forgetSession, keepSession, keptSession } from "./session.ts";

/** A request that the server has refused or not answered. */
export class ServerProblem extends Error {
  /** Such as "SIGNED_OUT"; "UNREACHABLE" if there was no answer. */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = "ServerProblem";
    this.reason = reason;
  }
}

/** What was thrown, as it is shown. */
export function problemFrom(thrown: unknown): ServerProblem {
  return thrown instanceof ServerProblem ? thrown : new ServerProblem("INTERNAL", String(thrown));
}

/** Reads something once. Throws {@link ServerProblem}. */
export async function read<T>(path: string): Promise<T> {
  return (await (await ask(path, {})).json()) as T;
}

/** Does something. Throws {@link ServerProblem}. */
export async function act<T>(path: string, body: object = {}): Promise<T> {
  const headers = { "content-type": "application/json" };
  return (await (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })).json()) as T;
}

/** Begins a session of this tab. Throws {@link ServerProblem}. */
export async function signIn(token: string): Promise<SignInAnswer> {
  forgetSession();
  const session = await act<SignInAnswer>("/api/session", { token });
  keepSession(session);
  return session;
}

/** Ends the session of this tab. */
export async function signOut(): Promise<void> {
  try {
    await ask("/api/session", { method: "DELETE" });
  } finally {
    forgetSession();
  }
}

/** Sends a request with the token of this tab. Throws {@link ServerProblem}. */
export async function ask(path: string, init: RequestInit): Promise<Response> {
  const { token = "" } = keptSession() ?? {};
  const headers = { ...init.headers, ...(token !== "" && { authorization: `Bearer ${token}` }) };
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: "omit", cache: "no-store", redirect: "error" });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ServerProblem("UNREACHABLE", "The server does not answer.");
  }
  followServerClock(response.headers.get("date"));
  if (response.ok) return response;
  throw await problemOf(response);
}

async function problemOf(response: Response): Promise<ServerProblem> {
  try {
    const { error } = (await response.json()) as ProblemAnswer;
    return new ServerProblem(error.reason, error.message);
  } catch {
    return new ServerProblem("INTERNAL", `The server answered with HTTP status ${response.status}.`);
  }
}
