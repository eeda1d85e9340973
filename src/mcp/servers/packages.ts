import { SealwireError } from "../../errors.ts";

/** The package `@modelcontextprotocol/client`. */
export type ClientPackage = typeof import("@modelcontextprotocol/client");
/** The classes of the package `ajv`, one per dialect of JSON Schema. */
export interface AjvPackage {
  readonly Ajv2020: typeof import("ajv/dist/2020.js").Ajv2020;
  readonly Ajv: typeof import("ajv").Ajv;
}

/** Codes of a missing package, by `import` and, in a bundle, by `require`. */
const MISSING: ReadonlySet<string | undefined> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);

/**
 * Loads the package `@modelcontextprotocol/client`, which only users of MCP servers need: an optional peer dependency.
 * Throws OPTIONS_INVALID if it is not installed.
 */
export async function loadClientPackage(): Promise<ClientPackage> {
  // A bundler accepts a missing package only where the import itself has a handler.
  return await import("@modelcontextprotocol/client").catch((thrown) =>
    explain("@modelcontextprotocol/client", thrown),
  );
}

/** Loads the package `ajv`, an optional peer dependency. Throws OPTIONS_INVALID if it is not installed. */
export async function loadAjv(): Promise<AjvPackage> {
  const { Ajv } = await import("ajv").catch((thrown) => explain("ajv", thrown));
  const { Ajv2020 } = await import("ajv/dist/2020.js").catch((thrown) => explain("ajv", thrown));
  return { Ajv, Ajv2020 };
}

function explain(name: string, thrown: NodeJS.ErrnoException): never {
  if (!MISSING.has(thrown.code) || !thrown.message.includes(`'${name}`)) throw thrown;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `The tools of MCP servers need the package ${name}, which is not installed.\nRun \`npm install @modelcontextprotocol/client@2 ajv@8\`.`,
    { cause: thrown },
  );
}
