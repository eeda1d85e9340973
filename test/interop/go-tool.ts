import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const CACHE = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "go-tools");

const TOOLS = {
  grpcurl: { module: "github.com/fullstorydev/grpcurl", version: "v1.9.4" },
  grpcui: { module: "github.com/fullstorydev/grpcui", version: "v1.4.3" },
  ghz: { module: "github.com/bojand/ghz", version: "v0.120.0" },
} as const;

/** Builds a tool of the Go module proxy unless that was done before; returns the folder to be put on the PATH. */
export async function goTool(name: keyof typeof TOOLS): Promise<string> {
  const { module, version } = TOOLS[name];
  const bin = join(CACHE, `${name}@${version}`);
  if (existsSync(join(bin, name))) return bin;
  await mkdir(bin, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), `sealwire-${name}-`));
  try {
    // Not `go install module@version`, which also asks for a list of all versions, and fails where a proxy has none.
    await writeFile(join(folder, "go.mod"), `module tool\n\ngo 1.24\n\nrequire ${module} ${version}\n`);
    const args = ["build", "-mod=mod", "-o", `${bin}/`, `${module}/cmd/${name}`];
    await promisify(execFile)("go", args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  } finally {
    await rm(folder, { recursive: true });
  }
  return bin;
}
