import { openConsole, type RunningConsole } from "../../src/console/console.ts";
import type { ConsoleOptions } from "../../src/console/options.ts";
import type { Route } from "../../src/console/route.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { signIn } from "./http-client.ts";

/** A console with two routes, which say what they are asked. */
export interface TestConsole extends RunningConsole {
  /** The one-time URLs so far. */
  readonly urls: readonly string[];
  /** The one-time token that is offered now. */
  readonly token: string;
  /** Signs in with it, and resolves to the token of the session. */
  signIn(): Promise<string>;
  /** What was changed through the route for it. */
  readonly changes: readonly string[];
  /** How often the view was read. */
  readonly reads: number;
}

/** Starts a console on loopback. Its view is a number that counts how often it was read. */
export async function startConsole(options: Partial<ConsoleOptions> = {}): Promise<TestConsole> {
  const urls: string[] = [];
  const changes: string[] = [];
  let reads = 0;
  const routes: readonly Route[] = [
    {
      method: "GET",
      path: "/api/view",
      role: "viewer",
      intervalMs: 1_000,
      answer: () => {
        reads += 1;
        return { reads };
      },
    },
    { method: "GET", path: "/api/secrets", role: "operator", intervalMs: 1_000, answer: () => ({}) },
    {
      method: "POST",
      path: "/api/things/*/change",
      role: "operator",
      answer: ({ name, session }) => {
        changes.push(`${session.name} ${name}`);
        return {};
      },
    },
  ];
  const running = await openConsole({
    listen: "127.0.0.1:0",
    readOnly: false,
    principals: [],
    onUrl: (url) => void urls.push(url),
    routes,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...options,
  });
  const token = (): string => urls.at(-1)?.split("#token=")[1] ?? "";
  return {
    origin: running.origin,
    replacePrincipals: (next) => running.replacePrincipals(next),
    urls,
    changes,
    get token() {
      return token();
    },
    get reads() {
      return reads;
    },
    async signIn() {
      const answer = await signIn(running.origin, token());
      return answer.json<{ readonly token: string }>().token;
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
