import type { IncomingMessage, ServerResponse } from "node:http";
import { type HttpListener, listenForHttp } from "../server/listen/http-listener.ts";
import { RefusalCounts } from "../server/request/refusal-counts.ts";
import { actorOf, sourceOf, type ToldAccess } from "./actor.ts";
import { type Answer, dataAnswer, failureAnswer, noSuchPath, refusal } from "./answer.ts";
import type { ProblemAnswer } from "./answers.ts";
import { type Asset, readAssets } from "./assets.ts";
import { readJsonBody } from "./body.ts";
import { EventStream } from "./event-stream.ts";
import { LiveViews, type ViewReading } from "./live-views.ts";
import { OpenCounts } from "./open-counts.ts";
import { type ConsoleOptions, checkConsolePlace, consoleTls } from "./options.ts";
import { isPagePath } from "./page-paths.ts";
import type { ConsolePrincipal } from "./principals.ts";
import { foreignRequest } from "./request-check.ts";
import { answerOf, findRoute, mayUse, type Route } from "./route.ts";
import { SECURITY_HEADERS } from "./security-headers.ts";
import { type Session, Sessions } from "./sessions.ts";
import { SignInLimit } from "./sign-in-limit.ts";

/** A console that is served. */
export interface RunningConsole extends AsyncDisposable {
  /** Its address with the actual port, without a token. */
  readonly origin: string;
  /** Replaces those who sign in with tokens of their own. Sessions of whoever is no longer one of them end. */
  replacePrincipals(principals: readonly ConsolePrincipal[]): void;
}

const CONNECTIONS_MOST = 1_024;
/** Views that are open, and other requests that are not answered completely, of one person. */
const STREAMS_MOST = 64;
const REQUESTS_MOST = 32;
/** Longest body of a sign-in, in bytes. */
const SIGN_IN_MOST = 4_096;
const SESSION_PATH = "/api/session";
const STREAM_PATH = "/api/stream";
const BEARER = /^bearer +(\S+) *$/i;

/** Serves the console of a server until it is disposed. Throws OPTIONS_INVALID. */
export async function openConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const { listen, tls, principals } = options;
  const address = checkConsolePlace({ listen, tls, hasPrincipals: principals.length > 0 });
  const server = new ConsoleServer(options);
  const { clock, logger } = options;
  const place = { what: "the console", address, tls: consoleTls(tls), connectionsMost: CONNECTIONS_MOST };
  const listener = await listenForHttp({ ...place, clock, logger }, (request, response) =>
    server.serve(request, response),
  );
  await server.open(listener);
  return {
    origin: listener.origin,
    replacePrincipals: (next) => server.replacePrincipals(next),
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      server.end();
    },
  };
}

/** Decides what each request gets: the files of the pages, a session, data, or a live view. */
class ConsoleServer {
  readonly #options: ConsoleOptions;
  readonly #sessions: Sessions;
  readonly #limit: SignInLimit;
  readonly #views: LiveViews;
  readonly #refusals: RefusalCounts;
  #assets: Promise<ReadonlyMap<string, Asset>> | undefined;
  #listener: HttpListener | undefined;
  readonly #streams = new OpenCounts(STREAMS_MOST);
  readonly #requests = new OpenCounts(REQUESTS_MOST);
  /** Resolves when the latest URL has been told. */
  #told: Promise<void> = Promise.resolve();

  constructor(options: ConsoleOptions) {
    const { clock, logger } = options;
    this.#options = options;
    this.#sessions = new Sessions({ ...options, onOffer: (token) => this.#tellUrl(token) });
    this.#limit = new SignInLimit(clock);
    this.#views = new LiveViews(clock);
    this.#refusals = new RefusalCounts(logger, clock, "requests to the console refused");
  }

  /** Begins to serve. Resolves when the first one-time URL has been told. */
  async open(listener: HttpListener): Promise<void> {
    this.#listener = listener;
    this.#sessions.offer();
    await this.#told;
  }

  replacePrincipals(principals: readonly ConsolePrincipal[]): void {
    this.#sessions.replacePrincipals(principals);
  }

  end(): void {
    this.#refusals.write();
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    response.on("error", () => response.destroy());
    this.#answer(request, response).then(
      (answer) => answer && this.#send(request, response, answer),
      (err) => {
        this.#options.logger.error({ err }, "a request to the console could not be served");
        response.destroy();
      },
    );
  }

  /** The answer of a request; `undefined` if it is answered by a file or by a stream. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<Answer | undefined> {
    const { method = "", headers } = request;
    if (this.#listener === undefined) return refusal(503, "UNAVAILABLE", { message: "The console is starting." });
    const foreign = foreignRequest(headers, this.#listener.own);
    if (foreign !== undefined) return this.#refuse(request, refusal(403, "FOREIGN_REQUEST", { message: foreign }));
    const [path = "", query = ""] = (request.url ?? "").split("?");
    if (!path.startsWith("/api/")) return this.#sendFile(request, response, path);
    if (path === SESSION_PATH && method === "POST") return this.#signIn(request);
    const [, token = ""] = BEARER.exec(headers.authorization ?? "") ?? [];
    const session = this.#sessions.find(token);
    if (session === undefined) {
      const challenge = { "www-authenticate": "Bearer" };
      const message = "Sign in: the session is not known or has ended.";
      return this.#refuse(request, refusal(401, "SIGNED_OUT", { message, headers: challenge }));
    }
    const isStream = path === STREAM_PATH && method === "GET";
    if (!this.#enter(isStream ? this.#streams : this.#requests, { request, response, session })) {
      return refusal(503, "RATE_LIMITED", { message: "Too many pages of the console are open." });
    }
    if (path === SESSION_PATH) return this.#answerSession(method, session);
    if (isStream) return this.#stream(response, session, query);
    return this.#answerRoute(request, session, { path, query });
  }

  /** Counts a request of a session until it is answered, and holds its connection. False if there are too many. */
  #enter(
    counts: OpenCounts,
    { request, response, session }: { request: IncomingMessage; response: ServerResponse; session: Session },
  ): boolean {
    const entered = counts.enter(session.name);
    if (entered === undefined) return false;
    const held = this.#listener?.hold(request.socket);
    response.once("close", () => {
      entered[Symbol.dispose]();
      held?.[Symbol.dispose]();
    });
    return true;
  }

  async #signIn(request: IncomingMessage): Promise<Answer> {
    const giveBack = this.#limit.take(request.socket.remoteAddress ?? "unknown");
    const body = await readJsonBody(request, SIGN_IN_MOST);
    if ("refused" in body) return body.refused;
    const { token } = (body.json ?? {}) as { readonly token?: unknown };
    const signedIn = typeof token === "string" ? this.#sessions.signIn(token) : undefined;
    // A right token is never refused: others may have used up the attempts of an address that they share.
    if (signedIn === undefined && giveBack === undefined) {
      const message = "Too many failed attempts to sign in. Try again in a minute.";
      return this.#refuse(request, refusal(429, "RATE_LIMITED", { message, headers: { "retry-after": "60" } }));
    }
    if (signedIn === undefined) {
      const message = "The token is not known. A one-time URL works once; the server has printed the next one.";
      return this.#refuse(request, refusal(401, "SIGNED_OUT", { message }));
    }
    giveBack?.();
    const { id, name, role } = signedIn.session;
    const peer = request.socket.remoteAddress;
    this.#tellAccess(request, { kind: "signed in", session: signedIn.session });
    this.#options.logger.info({ audit: true, peer, session: id, name, role }, "signed in to the console");
    return dataAnswer({ token: signedIn.token, ...shownSession(signedIn.session) });
  }

  #answerSession(method: string, session: Session): Answer {
    if (method === "GET") return dataAnswer(shownSession(session));
    if (method !== "DELETE") return noSuchPath();
    this.#sessions.end(session);
    return dataAnswer({});
  }

  async #answerRoute(
    request: IncomingMessage,
    session: Session,
    { path, query }: { readonly path: string; readonly query: string },
  ): Promise<Answer> {
    const found = findRoute(this.#options.routes, request.method ?? "", path);
    if (found === undefined) return noSuchPath();
    if (!mayUse(session.role, found.route)) {
      const message = "Only an operator may do this; you are signed in as a viewer.";
      return this.#refuse(request, refusal(403, "READ_ONLY", { message }), session);
    }
    const body = found.route.method === "POST" ? await readJsonBody(request) : { json: undefined };
    if ("refused" in body) return body.refused;
    const { name } = found;
    const asked = { session, source: sourceOf(request), name, query: new URLSearchParams(query), body: body.json };
    return this.#tryRoute(found.route, asked);
  }

  async #tryRoute(route: Route, request: Parameters<Route["answer"]>[0]): Promise<Answer> {
    try {
      return await answerOf(route, request);
    } catch (thrown) {
      const answer = failureAnswer(thrown);
      if (answer.status === 500) this.#options.logger.error({ err: thrown }, "a page of the console cannot be served");
      return answer;
    }
  }

  /** Sends a view, and each change of it, until the page or the session ends. */
  #stream(response: ServerResponse, session: Session, query: string): Answer | undefined {
    const of = new URLSearchParams(query).get("of") ?? "";
    const [path = "", ofQuery = ""] = of.split("?");
    const found = findRoute(this.#options.routes, "GET", path);
    const { intervalMs } = found?.route ?? {};
    if (found === undefined || intervalMs === undefined || !mayUse(session.role, found.route)) return noSuchPath();
    const stream = new EventStream(response, {
      clock: this.#options.clock,
      onBeat: () => void this.#sessions.keep(session),
    });
    const { name, route } = found;
    const request = { session, source: undefined, name, query: new URLSearchParams(ofQuery), body: undefined };
    const read = async (): Promise<ViewReading> => {
      const { status, body } = await this.#tryRoute(route, request);
      const isFailure = status !== 200;
      return { text: isFailure ? body : `{"data":${body}}`, isFailure };
    };
    const watch = this.#views.watch({ key: of, intervalMs, read }, (text) => stream.send(text));
    const end = (): void => stream[Symbol.dispose]();
    session.signal.addEventListener("abort", end, { once: true });
    response.once("close", () => {
      session.signal.removeEventListener("abort", end);
      watch[Symbol.dispose]();
    });
    return undefined;
  }

  async #sendFile(request: IncomingMessage, response: ServerResponse, path: string): Promise<Answer | undefined> {
    const { method, headers } = request;
    this.#assets ??= readAssets();
    const asset = (await this.#assets).get(isPagePath(path) ? "/" : path);
    if (asset === undefined) return noSuchPath();
    if (method !== "GET" && method !== "HEAD") {
      return refusal(405, "ARGS_INVALID", { message: "Files are read with GET.", headers: { allow: "GET, HEAD" } });
    }
    const { body, contentType, etag } = asset;
    const isKnown = headers["if-none-match"] === etag;
    response.writeHead(isKnown ? 304 : 200, {
      "cache-control": "no-cache",
      etag,
      ...(!isKnown && { "content-type": contentType, "content-length": body.length }),
    });
    response.end(isKnown || method === "HEAD" ? undefined : body);
    return undefined;
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const { status, body, contentType, headers } = answer;
    const bytes = Buffer.from(body);
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": bytes.length,
      "cache-control": "no-store",
      // What is left of a body must not be read as the next request.
      ...(!request.complete && { connection: "close" }),
      ...headers,
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  #refuse(request: IncomingMessage, answer: Answer, session?: Session): Answer {
    const peer = request.socket.remoteAddress ?? "unknown";
    const { reason, message: cause } = (JSON.parse(answer.body) as ProblemAnswer).error;
    if (this.#refusals.isFirst(peer, cause)) {
      this.#options.logger.warn({ audit: true, peer, status: answer.status, cause }, "request to the console refused");
    }
    this.#tellAccess(request, { kind: "refused", session, cause: reason });
    return answer;
  }

  #tellAccess(request: IncomingMessage, { session, ...access }: ToldAccess): void {
    const source = sourceOf(request);
    const actor = session && actorOf({ session, source });
    this.#options.onAccess?.({ ...access, actor, source: source ?? "unknown" });
  }

  #tellUrl(token: string): void {
    const url = `${this.#listener?.origin}/#token=${token}`;
    this.#told = (async () => {
      try {
        await this.#options.onUrl(url);
      } catch (err) {
        this.#options.logger.error({ err }, "the URL of the console could not be written");
      }
    })();
  }
}

function shownSession({ name, role, endsAtMs }: Session): object {
  return { name, role, endsAtMs };
}
