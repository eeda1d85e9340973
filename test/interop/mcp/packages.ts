import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../architecture/source-files.ts";

const CACHE = join(ROOT, "node_modules", ".cache", "mcp");
const MANIFESTS_FOLDER = join(import.meta.dirname, "packages");
const MANIFESTS = ["package.json", "package-lock.json", ".npmrc"];

/** The programs of the packages in packages/package.json, as paths of modules for Node. */
export interface McpPrograms {
  readonly conformance: string;
  readonly inspector: string;
  readonly everything: string;
  /** The client of the SDK 1.x. */
  readonly client1: string;
  /** Its transport over HTTP. */
  readonly transport1: string;
}

/**
 * Installs the packages of packages/package.json, unless that was done since they were last changed. They are kept
 * outside of `test/`, where other programs would take them for tests.
 */
export async function installMcpPrograms(): Promise<McpPrograms> {
  const folder = join(CACHE, await digestOfManifests());
  if (!existsSync(folder)) await install(folder);
  const scope = join(folder, "node_modules", "@modelcontextprotocol");
  return {
    conformance: join(scope, "conformance", "dist", "index.js"),
    inspector: join(scope, "inspector", "clients", "launcher", "build", "index.js"),
    everything: join(scope, "server-everything", "dist", "index.js"),
    client1: join(scope, "sdk", "dist", "esm", "client", "index.js"),
    transport1: join(scope, "sdk", "dist", "esm", "client", "streamableHttp.js"),
  };
}

async function digestOfManifests(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of MANIFESTS) hash.update(await readFile(join(MANIFESTS_FOLDER, name)));
  return hash.digest("hex").slice(0, 16);
}

/** The folder appears complete, also if two processes install at once. */
async function install(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const made = await mkdtemp(join(CACHE, "install-"));
  try {
    for (const name of MANIFESTS) await cp(join(MANIFESTS_FOLDER, name), join(made, name));
    await promisify(execFile)("npm", ["ci", "--ignore-scripts"], { cwd: made });
    await rename(made, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
