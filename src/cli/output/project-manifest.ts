import { join, relative } from "node:path";
import { SealwireError } from "../../errors.ts";

/** The fields of a package.json that a new project needs. */
export interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * Adds missing fields to a package.json and keeps existing ones. Throws OPTIONS_INVALID for a CommonJS project and for
 * a script with a different command.
 */
export function mergeManifest(existing: Manifest, wanted: Manifest): Manifest {
  if (existing.type !== undefined && existing.type !== wanted.type) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The package.json says "type": ${JSON.stringify(existing.type)}, and the tools are ES modules.\nSet it to "module", or name another folder.`,
    );
  }
  const taken = Object.keys(wanted.scripts ?? {}).find((name) => {
    const own = existing.scripts?.[name];
    return own !== undefined && own !== wanted.scripts?.[name];
  });
  if (taken !== undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The package.json has a script "${taken}" of its own.\nRename it, or name another folder.`,
    );
  }
  return {
    ...wanted,
    ...existing,
    engines: { ...wanted.engines, ...existing.engines },
    scripts: { ...wanted.scripts, ...existing.scripts },
    dependencies: { ...wanted.dependencies, ...existing.dependencies },
    devDependencies: { ...wanted.devDependencies, ...existing.devDependencies },
  };
}

const FILE = "file:";

/**
 * The dependency of a project on Sealwire, rewritten for a project in the folder `to`; `undefined` if it does not
 * depend on it.
 */
export function sealwireDependency(
  { dependencies, devDependencies }: Manifest,
  { from, to }: { readonly from: string; readonly to: string },
): string | undefined {
  const spec = dependencies?.sealwire ?? devDependencies?.sealwire;
  if (spec?.startsWith(FILE) !== true) return spec;
  return `${FILE}${relative(to, join(from, spec.slice(FILE.length)))}`;
}
