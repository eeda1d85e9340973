import type { DescMethod } from "@bufbuild/protobuf";
import { SealwireError } from "../../errors.ts";
import { type Clock, sleep } from "../../runtime/clock.ts";
import { holdProcess } from "../../runtime/hold-process.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import type { ToolRunner } from "../../tools/tool.ts";
import type { SourceContract, ToolSource } from "../../tools/tool-source.ts";
import { cutText } from "../../wire/error-message.ts";
import { AcceptedTools, type AcceptedToolsParts } from "./accepted-tools.ts";
import { RestartBackoff } from "./backoff.ts";
import { ClientConnections } from "./client-connections.ts";
import { Connection, type ConnectionEra } from "./connection.ts";
import { serviceName } from "./contract.ts";
import { faultOf } from "./failure.ts";
import { secretsOf } from "./options.ts";
import type { ClientPackage } from "./packages.ts";
import { type Redact, redacting } from "./secrets.ts";
import { type CallPlace, type CallTarget, mcpToolRunner } from "./tool-runner.ts";

/** Options of an {@link McpServer}. */
export interface McpServerParts extends AcceptedToolsParts {
  readonly sdk: ClientPackage;
  readonly clock: Clock;
}

/** Longest text of an error in the log, in UTF-16 units. */
const LOGGED_MOST = 500;
/** Least time between two lists that the server asks for by telling of changes. */
const REVIEW_MS = 1_000;
/** Interval at which the tools are listed again, because not every server tells when they change. */
const RELIST_MS = 60_000;

/**
 * An MCP server and its tools. It is started again when it has ended. The tools of its first list are offered; one whose
 * definition changes later is withdrawn, and new ones are not added.
 */
export class McpServer implements ToolSource, AsyncDisposable {
  readonly name: string;
  readonly #parts: McpServerParts;
  readonly #listeners = new Set<() => void>();
  readonly #stopped = new AbortController();
  readonly #listed = Promise.withResolvers<void>();
  /** Resolved when both ways of speaking to a server have failed. */
  readonly #gaveUp = Promise.withResolvers<void>();
  readonly #clients: ClientConnections | undefined;
  readonly #redact: Redact;
  readonly #tools: AcceptedTools;
  readonly #running: Promise<void>;
  readonly #relisting: AsyncDisposable;
  /** Connections whose list is followed; true if it has changed since it was read. */
  readonly #changed = new Map<Connection, boolean>();
  #connection: Connection | undefined;
  #inFlight = 0;

  /** Starts the server. */
  constructor(parts: McpServerParts) {
    const { server, clock } = parts;
    this.name = `the MCP server "${server.name}"`;
    this.#parts = { ...parts, logger: parts.logger.child({ mcp_server: server.name }) };
    this.#tools = new AcceptedTools(this.#parts);
    this.#redact = redacting(secretsOf(server.endpoint));
    this.#clients = server.perClient ? new ClientConnections({ clock, open: () => this.#openVerified() }) : undefined;
    // Rejected for a clash of names; nobody may wait any more.
    this.#listed.promise.catch(() => {});
    this.#running = this.#run();
    this.#relisting = runPeriodically(clock, RELIST_MS, () => this.#reviewCurrent());
  }

  /** Resolves when the tools are known for the first time, or cannot be found out. Rejects with OPTIONS_INVALID. */
  async started(): Promise<void> {
    const { clock, server, logger } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Timers do not keep the process alive.
    using _hold = holdProcess();
    using _timer = clock.after(server.startTimeoutMs, resolve);
    await Promise.race([this.#listed.promise, this.#gaveUp.promise, promise]);
    if (this.contract === undefined) logger.error({}, "an MCP server has not started; its tools follow when it does");
  }

  get contract(): SourceContract | undefined {
    return this.#tools.contract;
  }

  get room(): number {
    return this.#parts.server.maxConcurrency - this.#inFlight;
  }

  services(): ReadonlyMap<string, boolean> {
    return new Map([[serviceName(this.#parts.server), this.#connection !== undefined]]);
  }

  serves(method: string): boolean {
    return this.#connection !== undefined && (this.contract?.methods.has(method) ?? false);
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  runnerOf(method: DescMethod): ToolRunner {
    const tool = this.#tools.ofMethod(method.name);
    if (tool === undefined) throw new SealwireError("OPTIONS_INVALID", `${this.name} has no method ${method.name}.`);
    return mcpToolRunner(tool, method, this.#target());
  }

  /** The process ids of its children. */
  get pids(): readonly number[] {
    const open = [...(this.#connection ? [this.#connection] : []), ...(this.#clients?.open ?? [])];
    return open.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Ends the server with its tree. Calls in flight end with the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await Promise.all([this.#relisting[Symbol.asyncDispose](), this.#clients?.[Symbol.asyncDispose]()]);
    await this.#connection?.close();
    await this.#running;
  }

  #target(): CallTarget {
    const { sdk, clock } = this.#parts;
    return {
      host: this,
      sdk,
      clock,
      redact: this.#redact,
      isWithdrawn: ({ name }) => this.#tools.isWithdrawn(name),
      enter: (clientId) => this.#enter(clientId),
    };
  }

  async #enter(clientId: string): Promise<CallPlace | string> {
    if (this.#connection === undefined) return "its MCP server cannot be reached";
    if (this.room <= 0) return "its MCP server has as many calls as it may have";
    this.#count(1);
    try {
      const leased = await this.#clients?.lease(clientId);
      const connection = leased === undefined ? this.#connection : leased.connection;
      return {
        connection,
        unreachable: () => void connection.close(),
        [Symbol.dispose]: () => {
          leased?.[Symbol.dispose]();
          this.#count(-1);
        },
      };
    } catch (thrown) {
      this.#count(-1);
      this.#logFailure(thrown, "an MCP server could not be started for a client");
      return "its MCP server could not be started for this client";
    }
  }

  #count(change: number): void {
    const wasFull = this.room <= 0;
    this.#inFlight += change;
    if (wasFull && this.room > 0) this.#tell();
  }

  /** Keeps a connection open until disposed. */
  async #run(): Promise<void> {
    const { clock, logger } = this.#parts;
    const { signal } = this.#stopped;
    const backoff = new RestartBackoff(clock);
    let era: ConnectionEra = "auto";
    while (!signal.aborted) {
      try {
        const connection = await this.#open(era);
        era = connection.era;
        backoff.up();
        await connection.closed;
        // Ends what is left of the child's tree.
        await connection.close();
        if (!signal.aborted) logger.warn({ ...connection.exit }, "an MCP server has ended and is started again");
      } catch (thrown) {
        // Some older servers end when they are asked what they know.
        if (era === "legacy") this.#gaveUp.resolve();
        era = era === "auto" ? "legacy" : "auto";
        if (!signal.aborted) this.#logFailure(thrown, "an MCP server could not be started; it is tried again");
      }
      this.#connection = undefined;
      this.#tell();
      await sleep(clock, backoff.down(), signal).catch(() => {});
    }
  }

  /** Opens the connection by which the tools are listed. */
  async #open(era: ConnectionEra): Promise<Connection> {
    const connection = await Connection.open(this.#context(), era);
    try {
      if (this.#stopped.signal.aborted) throw this.#stopped.signal.reason;
      await this.#list(connection);
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
    this.#connection = connection;
    this.#listed.resolve();
    this.#tell();
    return connection;
  }

  /** Opens a connection of one client. Its tools must be the accepted ones, too. */
  async #openVerified(): Promise<Connection> {
    const connection = await Connection.open(this.#context(), this.#connection?.era ?? "auto");
    try {
      await this.#list(connection);
      return connection;
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  }

  #context() {
    const onListChanged = (connection: Connection) => void this.#follow(connection);
    return { ...this.#parts, onListChanged, signal: this.#stopped.signal };
  }

  async #reviewCurrent(): Promise<void> {
    if (this.#connection !== undefined) await this.#review(this.#connection);
  }

  /** Lists the tools again, as often as the server may tell of changes. */
  async #follow(connection: Connection): Promise<void> {
    const { signal } = this.#stopped;
    const isFollowed = this.#changed.has(connection);
    this.#changed.set(connection, true);
    if (isFollowed) return;
    while (this.#changed.get(connection) && connection.isOpen && !signal.aborted) {
      this.#changed.set(connection, false);
      await this.#review(connection);
      await sleep(this.#parts.clock, REVIEW_MS, signal).catch(() => {});
    }
    this.#changed.delete(connection);
  }

  /** A server that is busy may not answer. One over HTTP that cannot be reached is connected again. */
  async #review(connection: Connection): Promise<void> {
    try {
      await this.#list(connection);
    } catch (thrown) {
      if (!connection.isOpen) return;
      this.#logFailure(thrown, "the tools of an MCP server could not be listed again");
      const isIdle = connection.pid === undefined && this.#inFlight === 0;
      if (isIdle || faultOf(thrown, this.#parts.sdk).kind === "unsent") await connection.close();
    }
  }

  async #list(connection: Connection): Promise<void> {
    const before = this.#tools.contract;
    const clash = await this.#tools.take(await connection.list(this.#parts.server.startTimeoutMs));
    if (clash !== undefined) {
      const problem = `Of ${this.name} the tool "${clash.mcpName}" ${clash.why}; leave the server out, or rename a tool.`;
      this.#listed.reject(new SealwireError("OPTIONS_INVALID", problem));
    }
    if (this.#tools.contract !== before) this.#tell();
  }

  #logFailure(thrown: unknown, text: string): void {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const problem = cutText(this.#redact(String(message)), LOGGED_MOST);
    this.#parts.logger.error({ code, problem }, text);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
