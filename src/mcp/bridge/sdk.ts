import { SealwireError } from "../../errors.ts";

/** The package `@modelcontextprotocol/server`. */
export type ServerSdk = typeof import("@modelcontextprotocol/server");

/** The part of the SDK that serves a connection over stdio. */
export type StdioSdk = typeof import("@modelcontextprotocol/server/stdio");

/**
 * Loads the package `@modelcontextprotocol/server`, which only the bridge needs: an optional peer dependency. Throws
 * OPTIONS_INVALID if it is not installed.
 */
export function loadServerSdk(): Promise<ServerSdk> {
  return load("@modelcontextprotocol/server", () => import("@modelcontextprotocol/server"));
}

/** Loads the part that serves a connection over stdio; otherwise like {@link loadServerSdk}. */
export function loadStdioSdk(): Promise<StdioSdk> {
  return load("@modelcontextprotocol/server", () => import("@modelcontextprotocol/server/stdio"));
}

async function load<T>(name: string, importIt: () => Promise<T>): Promise<T> {
  try {
    return await importIt();
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${name}'`)) throw thrown;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The bridge for MCP hosts needs the package ${name}, which is not installed.\nRun \`npm install ${name}@2\`.`,
      { cause: thrown },
    );
  }
}
