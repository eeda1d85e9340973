import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuditLog, type AuditLogOptions } from "../../src/audit/audit-log.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import { CHAIN_START, type ChainHead, sealLine } from "../../src/audit/line.ts";
import { type AuditReport, AuditVerifier } from "../../src/audit/verify.ts";
import { verifyFiles } from "../../src/audit/verify-files.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { macKey } from "../../src/signing/mac.ts";
import type { AuditHead, AuditHeads, RecordedAuditHead } from "../../src/store/audit-heads.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** The key of the logs that tests write. */
export const KEY = { secretId: "s_test", key: macKey(Buffer.alloc(32, 7)) };

/** Keeps heads in memory. The stores' own are tested with the stores. */
export class MemoryHeads implements AuditHeads {
  readonly heads = new Map<string, AuditHead>();

  async record(chainId: string, head: AuditHead): Promise<void> {
    this.heads.set(chainId, head);
  }

  async read(chainId: string): Promise<RecordedAuditHead | null> {
    const head = this.heads.get(chainId);
    return head === undefined ? null : { ...head, recordedAtMs: 0 };
  }
}

/** A folder for the files of a test. */
export class AuditFolder implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "sealwire-audit-"));
  readonly clock = new FakeClock();
  readonly heads = new MemoryHeads();
  #opened = 0;
  readonly path = join(this.folder, "audit.log");

  /** Opens the log in the folder, as a process of its own. */
  open(options: Partial<AuditLogOptions> = {}): Promise<AuditLog> {
    this.#opened += 1;
    return AuditLog.open({
      to: this.path,
      required: false,
      key: () => KEY,
      server: "test-server",
      instance: `instance-${this.#opened}`,
      host: "host",
      heads: this.heads,
      clock: this.clock,
      logger: silentLogger,
      ...options,
    });
  }

  /** The path of another file. */
  file(name: string): string {
    return join(this.folder, name);
  }

  /** The lines of a file. */
  lines(file = this.path): string[] {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  }

  /** Verifies files with the heads of this folder. */
  async verify(files: readonly string[] = [this.path], key = KEY, heads = this.heads): Promise<AuditReport> {
    const verifier = new AuditVerifier(new Map([[key.secretId, key.key]]));
    await verifyFiles(verifier, { files, heads });
    return verifier.end();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An event that is told apart by its request id. */
export function call(requestId: string): AuditEvent {
  return { action: "call.end", outcome: "succeeded", client: "ann", keyId: "k_1", requestId };
}

/** Writes a log of `count` calls, named call-1 and so on, and closes it. */
export async function writeCalls(
  folder: AuditFolder,
  count: number,
  options: Partial<AuditLogOptions> = {},
): Promise<void> {
  await using log = await folder.open(options);
  for (let i = 1; i <= count; i += 1) log.note(call(`call-${i}`));
}

/** The problems that a report finds. */
export function problemsOf({ findings }: AuditReport): string[] {
  return findings.map(({ problem }) => problem);
}

/** Appends `count` lines to the file of a chain, whose own lines are numbered from 1 on, and returns the last one. */
export function appendLines(path: string, count: number, event: (sequence: number) => AuditEvent): ChainHead {
  let head: ChainHead = { chain: "c".repeat(32), sequence: 0, mac: CHAIN_START };
  const texts: string[] = [];
  while (head.sequence < count) {
    const context = {
      timeMs: Date.UTC(2026, 0, 1),
      server: "test-server",
      instance: "instance-1",
      secret: KEY.secretId,
    };
    const line = sealLine(event(head.sequence + 1), head, context, KEY.key);
    texts.push(`${line.text}\n`);
    head = line.head;
  }
  appendFileSync(path, texts.join(""));
  return head;
}
