import { resolve } from "node:path";
import { SealwireError } from "../../errors.ts";
import type { JsonFields, TextRule } from "../../files/json-fields.ts";
import { MCP_SERVER_LIMITS, type McpServerOptions, PLAIN_VARIABLES } from "../../mcp/servers/options.ts";
import type { Environment } from "../../runtime/environment.ts";
import { commandWords } from "./command-words.ts";
import { parseDuration } from "./duration.ts";

/** An MCP server in the settings. Secrets are named by their environment variables. */
export interface McpServerSetting extends Omit<McpServerOptions, "env" | "token"> {
  /** Names of the variables that the server's program gets besides the usual ones. */
  readonly variables: readonly string[];
  /** Name of the variable with the bearer token. */
  readonly tokenVariable?: string;
}

/** The options of `serve` and `work` about MCP servers. */
export interface McpServerFlags {
  readonly mcpServer?: readonly string[];
  readonly mcpEnv?: readonly string[];
  readonly mcpToken?: readonly string[];
  readonly mcpJob?: readonly string[];
  readonly mcpTrustAnnotations?: readonly string[];
  readonly mcpPerClient?: readonly string[];
}

const VARIABLE: TextRule = { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, expected: "the name of an environment variable" };

/** Reads `mcp_servers` of a configuration file: an object with a server per name. */
export function readMcpServers(servers: JsonFields, folder: string): readonly McpServerSetting[] {
  const found = servers.names().map((name) => ({ name, ...readMcpServer(servers.object(name), folder) }));
  servers.end();
  return found;
}

function readMcpServer(fields: JsonFields, folder: string): Omit<McpServerSetting, "name"> {
  const read = <const K extends string, T>(key: K, name: string, reader: (name: string) => T) =>
    (fields.has(name) ? { [key]: reader(name) } : {}) as { readonly [key in K]?: T };
  const flag = (name: string): boolean => fields.boolean(name);
  const server = {
    ...read("command", "command", (name) =>
      fields.isArray(name) ? fields.texts(name) : commandWords(fields.text(name), `The field ${name}`),
    ),
    ...read("url", "url", (name) => fields.text(name)),
    ...read("cwd", "cwd", (name) => resolve(folder, fields.text(name))),
    variables: fields.has("env") ? fields.texts("env", VARIABLE) : [],
    ...read("tokenVariable", "token_env", (name) => fields.text(name, VARIABLE)),
    ...read("jobs", "jobs", (name) => fields.texts(name)),
    ...read("trustAnnotations", "trust_annotations", flag),
    ...read("perClient", "per_client", flag),
    ...read("maxConcurrency", "max_concurrency", (name) => fields.number(name, MCP_SERVER_LIMITS.maxConcurrency)),
    ...read("startTimeoutMs", "start_timeout", (name) => readTimeout(fields, name)),
  };
  fields.end();
  return server;
}

function readTimeout(fields: JsonFields, name: string): number {
  const { least, most } = MCP_SERVER_LIMITS.startTimeoutMs;
  const ms = parseDuration(fields.text(name)) ?? 0;
  return ms >= least && ms <= most ? ms : fields.fail(name, 'must be a time span such as "30s", from 100ms to 10m');
}

/** The servers of `--mcp-server` and the options about them; `undefined` if there are none. Throws OPTIONS_INVALID. */
export function mcpServersOf(flags: McpServerFlags): readonly McpServerSetting[] | undefined {
  const { mcpServer = [], mcpJob = [], mcpTrustAnnotations = [], mcpPerClient = [] } = flags;
  const variables = pairsOf("--mcp-env", flags.mcpEnv, "files:TOKEN");
  const tokens = pairsOf("--mcp-token", flags.mcpToken, "web:WEB_TOKEN");
  const servers = mcpServer.map((text): McpServerSetting => {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      // The value may contain a secret.
      throw refused(
        "--mcp-server has no NAME=",
        "Write it as NAME=SERVER, such as 'files=npx -y @scope/server /data'.",
      );
    }
    const token = tokens.find((pair) => pair.name === name);
    return {
      name,
      ...serverOf(value, `--mcp-server ${name}`),
      variables: variables.filter((pair) => pair.name === name).map(({ variable }) => variable),
      ...(token !== undefined && { tokenVariable: token.variable }),
      jobs: mcpJob,
      trustAnnotations: mcpTrustAnnotations.includes(name),
      perClient: mcpPerClient.includes(name),
    };
  });
  const named = { "--mcp-env": variables.map(({ name }) => name), "--mcp-token": tokens.map(({ name }) => name) };
  const others = { "--mcp-trust-annotations": mcpTrustAnnotations, "--mcp-per-client": mcpPerClient };
  for (const [option, names] of Object.entries({ ...named, ...others })) {
    const unknown = names.find((name) => !servers.some((server) => server.name === name));
    if (unknown !== undefined) throw refused(`${option} names ${unknown}, which no --mcp-server is`, "Give both.");
  }
  if (mcpJob.length > 0 && servers.length === 0) throw refused("--mcp-job needs a --mcp-server", "Give both.");
  return servers.length === 0 ? undefined : servers;
}

/** The place of a server as it is given on the command line: a URL, or a command. Throws OPTIONS_INVALID. */
export function serverOf(value: string, what: string): Pick<McpServerOptions, "command" | "url"> {
  return /^https?:\/\//i.test(value) ? { url: value } : { command: commandWords(value, what) };
}

/** The options of a server, with the values of its variables. Throws OPTIONS_INVALID for one that is not set. */
export function withEnvironment(setting: McpServerSetting, env: Environment): McpServerOptions {
  const { variables, tokenVariable, ...server } = setting;
  const readVariable = (variable: string): string => {
    const value = env[variable];
    if (value !== undefined && value !== "") return value;
    throw refused(
      `The MCP server "${server.name}" is to get ${variable}, which is not set`,
      "Set it, or leave it out.",
    );
  };
  const usual = PLAIN_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  const named = variables.map((name) => [name, readVariable(name)]);
  const isChild = server.command !== undefined;
  return {
    ...server,
    ...((isChild || named.length > 0) && { env: Object.fromEntries([...(isChild ? usual : []), ...named]) }),
    ...(tokenVariable !== undefined && { token: readVariable(tokenVariable) }),
  };
}

interface Pair {
  readonly name: string;
  readonly variable: string;
}

function pairsOf(option: string, texts: readonly string[] = [], example: string): readonly Pair[] {
  return texts.map((text) => {
    const [, name, variable = ""] = /^([^:]+):(.+)$/s.exec(text) ?? [];
    if (name !== undefined && VARIABLE.pattern.test(variable)) return { name, variable };
    throw refused(`${option} is not NAME:VARIABLE`, `Give the name of an environment variable, such as ${example}.`);
  });
}

function refused(problem: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${problem}.\n${toDo}`);
}
