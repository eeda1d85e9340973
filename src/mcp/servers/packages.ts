import { SealwireError } from "../../errors.ts";

/** The package `@modelcontextprotocol/client`. */
export type ClientPackage = typeof import("@modelcontextprotocol/client");
/** The classes of the package `ajv`, one per dialect of JSON Schema. */
export interface AjvPackage {
  readonly Ajv2020: typeof import("ajv/dist/2020.js").Ajv2020;
  readonly Ajv: typeof import("ajv").Ajv;
}

/**
 * Loads the package `@modelcontextprotocol/client`, which only users of MCP servers need: an optional peer dependency.
 * Throws OPTIONS_INVALID if it is not installed.
 */
export async function loadClientPackage(): Promise<ClientPackage> {
  return load("@modelcontextprotocol/client", () => import("@modelcontextprotocol/client"));
}

/** Loads the package `ajv`, an optional peer dependency. Throws OPTIONS_INVALID if it is not installed. */
export async function loadAjv(): Promise<AjvPackage> {
  const [{ Ajv }, { Ajv2020 }] = await load("ajv", () => Promise.all([import("ajv"), import("ajv/dist/2020.js")]));
  return { Ajv, Ajv2020 };
}

async function load<T>(name: string, importIt: () => Promise<T>): Promise<T> {
  try {
    return await importIt();
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${name}'`)) throw thrown;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The tools of MCP servers need the package ${name}, which is not installed.\nRun \`npm install @modelcontextprotocol/client@2 ajv@8\`.`,
      { cause: thrown },
    );
  }
}
