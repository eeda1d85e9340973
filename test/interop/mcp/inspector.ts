import { CliProcess } from "../../cli/cli-process.ts";
import type { Ended } from "../../cli/cli-run.ts";
import { installMcpPrograms } from "./packages.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What to list, and by which protocol. */
export interface Inspection {
  readonly endpoint: string;
  readonly token: string;
  /** "legacy": with a handshake; "modern": 2026-07-28. */
  readonly era: "legacy" | "modern";
}

/** What the inspector says of tools: their names, and everything in their schemas that some host does not understand. */
export interface Inspected {
  readonly code: number | null;
  readonly names: readonly string[];
  /** Empty if there is nothing to say. */
  readonly findings: string;
}

/** Lists the tools of an endpoint with the inspector of MCP, which checks their schemas. */
export async function inspectTools({ endpoint, token, era }: Inspection): Promise<Inspected> {
  const { inspector } = await installMcpPrograms();
  await using home = await temporaryFolder();
  const listing = ["--cli", endpoint, "--transport", "http", "--protocol-era", era, "--method", "tools/list"];
  const args = [...listing, "--strict", "--format", "json", "--header", `Authorization: Bearer ${token}`];
  await using run = new CliProcess(args, { cwd: home.path, env: { HOME: home.path }, main: inspector });
  const ended = await run.ended;
  return { code: ended.code, names: namesIn(ended), findings: ended.stderr };
}

function namesIn({ stdout, stderr }: Ended): readonly string[] {
  if (stdout === "") throw new Error(`the inspector listed nothing: ${stderr}`);
  const { result } = JSON.parse(stdout) as {
    readonly result: { readonly tools: readonly { readonly name: string }[] };
  };
  return result.tools.map(({ name }) => name);
}
