import { SealwireError } from "../../errors.ts";
import { checkNumber, type NumberRange } from "../../runtime/number-range.ts";
import { MINUTE_MS, SECOND_MS } from "../../runtime/time-span.ts";
import { TOOL_PATTERN } from "../../signing/key-ring/tool-patterns.ts";
import { isLoopback } from "../../wire/loopback.ts";

/** A server of the Model Context Protocol whose tools are offered (docs/mcp.md). Either `command` or `url` is set. */
export interface McpServerOptions {
  /** Begins the names of its tools: 1 to 32 of a-z, 0-9, "-" and "_", a letter first. */
  readonly name: string;
  /** Program and arguments of a server that is run as a child process and spoken to over stdio. No shell reads them. */
  readonly command?: readonly string[];
  /** Working folder of the child. Default: that of this process. */
  readonly cwd?: string;
  /** The environment of the child. Nothing is inherited; a program usually needs PATH and HOME. The values of others are
   * kept out of the log. Default: empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** The Streamable HTTP endpoint of a server: https, or http on loopback. */
  readonly url?: string;
  /** Bearer token for `url`. */
  readonly token?: string;
  /**
   * Believes what the server states about its tools: read-only and idempotent tools are then called without a recorded
   * intent and may be repeated, and hints are passed on. Default false: each call is recorded.
   */
  readonly trustAnnotations?: boolean;
  /**
   * Patterns of the tools that run as jobs, by their names here, such as "files_build_*". Tools that state support for
   * tasks are jobs anyway. Default none.
   */
  readonly jobs?: readonly string[];
  /**
   * Gives each client a child, or a connection, of its own. By default all clients share one, and a server that keeps
   * state, such as an open page, shows it to all of them. Default false.
   */
  readonly perClient?: boolean;
  /** Maximum number of open calls and jobs of this process at the server, 1 to 10,000. Default 100. */
  readonly maxConcurrency?: number;
  /** Time in milliseconds that a server may take to start and to list its tools, 100 to 600,000. Default 30,000. */
  readonly startTimeoutMs?: number;
}

/** {@link McpServerOptions} with all defaults filled in. */
export interface ResolvedMcpServer extends McpServerOptions {
  readonly endpoint: McpEndpoint;
  readonly trustAnnotations: boolean;
  readonly jobs: readonly string[];
  readonly perClient: boolean;
  readonly maxConcurrency: number;
  readonly startTimeoutMs: number;
}

/** Where a server is. */
export type McpEndpoint =
  | {
      readonly kind: "child";
      readonly program: string;
      readonly args: readonly string[];
      readonly cwd: string | undefined;
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly kind: "http"; readonly url: URL; readonly token: string | undefined };

/** Variables that programs usually need. Their values are no secrets. */
export const PLAIN_VARIABLES: readonly string[] = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ"],
  ...["LANG", "LC_ALL", "LC_CTYPE"],
];

/** The ranges of the numbers in {@link McpServerOptions}. */
export const MCP_SERVER_LIMITS = {
  maxConcurrency: { least: 1, most: 10_000 },
  startTimeoutMs: { least: 100, most: 10 * MINUTE_MS },
} as const satisfies Readonly<Record<string, NumberRange>>;

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const TOKEN = /^[!-~]{1,8192}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MOST_SERVERS = 100;
const START_TIMEOUT_MS = 30 * SECOND_MS;

/** Fills in defaults and checks every value. Throws OPTIONS_INVALID naming the server and the option. */
export function resolveMcpServers(servers: readonly McpServerOptions[]): readonly ResolvedMcpServer[] {
  if (servers.length > MOST_SERVERS) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `There are ${servers.length} MCP servers; ${MOST_SERVERS} are the most.`,
    );
  }
  const prefixes = new Set<string>();
  return servers.map((options) => {
    const resolved = resolve(options);
    const prefix = toolPrefix(resolved);
    if (prefixes.has(prefix)) throw refused(resolved, "name", "is given twice; give each server its own");
    prefixes.add(prefix);
    return resolved;
  });
}

/** The part of a tool's name before that of the MCP server, without the underscore between them. */
export function toolPrefix({ name }: Pick<McpServerOptions, "name">): string {
  return name.replaceAll("-", "_");
}

function resolve(options: McpServerOptions): ResolvedMcpServer {
  const { name, jobs = [] } = options;
  if (typeof name !== "string" || !NAME.test(name)) {
    const shown = JSON.stringify(String(name).slice(0, 80));
    const rule = 'must be 1 to 32 of a-z, 0-9, "-" and "_", a letter first';
    throw new SealwireError("OPTIONS_INVALID", `The name ${shown} of an MCP server ${rule}.`);
  }
  for (const pattern of jobs) {
    if (!TOOL_PATTERN.test(pattern)) throw refused(options, "jobs", `contain ${JSON.stringify(pattern)}, no pattern`);
  }
  const range = (option: keyof typeof MCP_SERVER_LIMITS, fallback: number): number => {
    const value = options[option];
    return value === undefined
      ? fallback
      : checkNumber(`The ${option} of the MCP server "${name}"`, value, MCP_SERVER_LIMITS[option]);
  };
  return {
    ...options,
    endpoint: endpointOf(options),
    trustAnnotations: options.trustAnnotations ?? false,
    jobs,
    perClient: options.perClient ?? false,
    maxConcurrency: range("maxConcurrency", 100),
    startTimeoutMs: range("startTimeoutMs", START_TIMEOUT_MS),
  };
}

/** The values that must not appear in the log. */
export function secretsOf(endpoint: McpEndpoint): readonly string[] {
  if (endpoint.kind === "http") return endpoint.token === undefined ? [] : [endpoint.token];
  return Object.entries(endpoint.env).flatMap(([name, value]) => (PLAIN_VARIABLES.includes(name) ? [] : [value]));
}

function endpointOf(options: McpServerOptions): McpEndpoint {
  const { command, url, token, cwd, env = {} } = options;
  if ((command === undefined) === (url === undefined)) {
    throw refused(options, "command", "or its url must be set, and not both");
  }
  if (command !== undefined) {
    const [program, ...args] = command;
    if (!program) throw refused(options, "command", "is empty; give a program and its arguments");
    if (command.some((part) => part.includes("\0"))) throw refused(options, "command", "contains U+0000");
    if (token !== undefined) throw refused(options, "token", "is for a url; give a child its token in env");
    for (const [variable, value] of Object.entries(env)) {
      if (!VARIABLE.test(variable))
        throw refused(options, "env", `has ${JSON.stringify(variable)}, no variable's name`);
      if (value.includes("\0")) throw refused(options, "env", `has ${variable}, whose value contains U+0000`);
    }
    return { kind: "child", program, args, cwd, env };
  }
  if (Object.keys(env).length > 0 || cwd !== undefined) {
    throw refused(options, "env", "and its cwd are for a command; give a url its token");
  }
  if (token !== undefined && !TOKEN.test(token)) {
    throw refused(options, "token", "must be 1 to 8192 printable ASCII characters without spaces");
  }
  return { kind: "http", url: checkedUrl(options, url ?? ""), token };
}

function checkedUrl(options: McpServerOptions, text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw refused(options, "url", "must be an https URL, such as https://tools.example.com/mcp");
  }
  if (url.username !== "" || url.password !== "")
    throw refused(options, "url", "contains a password; set token instead");
  if (url.protocol === "http:" && !isLoopback(`${url.hostname}:${url.port || "80"}`)) {
    throw refused(options, "url", "is not on this machine and needs https");
  }
  return url;
}

function refused({ name }: Pick<McpServerOptions, "name">, option: string, problem: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The ${option} of the MCP server "${name}" ${problem}.`);
}
