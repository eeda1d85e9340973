import type { ChainHead } from "../../../audit/line.ts";
import { type AuditFinding, type AuditReport, AuditVerifier } from "../../../audit/verify.ts";
import { verifyFiles } from "../../../audit/verify-files.ts";
import { fileExists } from "../../../files/file-exists.ts";
import type { Logger } from "../../../runtime/logger.ts";
import { auditKeysOf } from "../../../signing/key-ring/key-ring.ts";
import type { AuditHeadReader } from "../../../store/audit-heads.ts";
import { readSqliteAuditHeads } from "../../../store/sqlite/read-audit-heads.ts";
import { openKeyRing } from "../../input/key-ring-access.ts";
import { findStore, type LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { toJsonLine } from "../../output/json-output.ts";
import { openLog } from "../../output/log.ts";
import { plainText } from "../../output/plain-text.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Options of the command. */
export interface AuditVerifyOptions extends LocationOptions {
  /** Heads that were kept elsewhere. Given instead of those in the store. */
  readonly head?: readonly ChainHead[];
  readonly json?: boolean;
}

/** Verifies the files of an audit log, the oldest first. Exit code 1: something is wrong with them. */
export async function run(
  terminal: Terminal,
  files: readonly string[],
  options: AuditVerifyOptions,
): Promise<ExitCode> {
  await using access = await openKeyRing(options, { env: terminal.env, secrets: true });
  const { serverSecrets } = await access.load();
  const keys = new Map(auditKeysOf(serverSecrets).map(({ secretId, key }) => [secretId, key]));
  const verifier = new AuditVerifier(keys);
  await using log = openLog("warn");
  const given = options.head ?? [];
  for (const head of given) verifier.watch(head);
  await using heads = given.length > 0 ? undefined : await openHeads(options, terminal.env, log.logger);
  await verifyFiles(verifier, { files, heads });
  const report = verifier.end();
  if (options.json) terminal.print(toJsonLine(reportJson(report, heads !== undefined || given.length > 0)));
  else say(terminal, report, heads !== undefined || given.length > 0);
  return report.findings.length === 0 && report.lines > 0 ? ExitCode.done : ExitCode.failed;
}

/** The heads in the store that a server with the same options uses; `undefined` if there is no store in the folder. */
async function openHeads(
  options: LocationOptions,
  env: Terminal["env"],
  logger: Logger,
): Promise<AuditHeadReader | undefined> {
  const store = await findStore(options, env);
  if (store.kind === "folder") {
    const { path } = store;
    return (await fileExists(path)) ? readSqliteAuditHeads({ path }) : undefined;
  }
  const { openPostgresAuditHeads } = await import("../../../store/postgres/open-audit-heads.ts");
  return await openPostgresAuditHeads({ url: store.url, logger });
}

function say(terminal: Terminal, { lines, chains, findings, notes }: AuditReport, knowsHeads: boolean): void {
  const { colors } = terminal;
  for (const note of notes) terminal.say(`${colors.dim("note:")} ${describe(note)}`);
  for (const finding of findings) terminal.say(`${colors.red("wrong:")} ${describe(finding)}`);
  for (const { chain, first, head } of chains) {
    terminal.print(`chain ${chain}: lines ${first} to ${head.sequence}, head ${chain}:${head.sequence}:${head.mac}`);
  }
  const place = knowsHeads
    ? ""
    : " There is no store to compare with: lines that were cut off at the end are not found.";
  if (lines === 0) terminal.say(`The files hold no line of an audit log.${place}`);
  else if (findings.length > 0) terminal.say(`${findings.length} findings in ${lines} lines.${place}`);
  else terminal.say(`Nothing is wrong with ${lines} lines.${place}`);
}

function describe({ file, line, problem }: AuditFinding): string {
  const place =
    file === "" ? "" : `${plainText(file)}${line === 0 ? "" : `:${line}`}: ${line === 0 ? "" : "the line "}`;
  return `${place}${plainText(problem)}`;
}

function reportJson({ lines, chains, findings, notes }: AuditReport, knowsHeads: boolean): object {
  return {
    lines,
    chains: chains.map(({ chain, first, head: { sequence, mac } }) => ({ chain, first, last: sequence, head: mac })),
    comparedWithHeads: knowsHeads,
    findings,
    notes,
  };
}
