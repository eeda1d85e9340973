import { formatTime } from "../../../files/json-fields.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { KeyEntry } from "../../../signing/key-ring/document.ts";
import { openKeyRing } from "../../input/key-ring-access.ts";
import type { LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { toJsonLine } from "../../output/json-output.ts";
import { shownTime } from "../../output/shown-time.ts";
import { printTable } from "../../output/table.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Lists the keys of a key ring, without secrets. */
export async function run(
  terminal: Terminal,
  options: LocationOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using access = await openKeyRing(options, { env: terminal.env, secrets: false });
  const document = await access.load();
  const lastUse = await access.lastUse();
  if (options.json) {
    for (const key of document.keys) terminal.print(toJsonLine(keyJson(key, lastUse.get(key.keyId))));
    return ExitCode.done;
  }
  const nowMs = systemClock.nowMs();
  const rows = document.keys.map((key) => row(terminal, key, { lastUseMs: lastUse.get(key.keyId), nowMs }));
  const headings = [
    "KEY",
    "CLIENT",
    "STATE",
    "ROLE",
    "TOOLS",
    "NOT BEFORE",
    "NOT AFTER",
    "FROM",
    "CREATED",
    "LAST USE",
  ];
  printTable(terminal, headings, rows);
  return ExitCode.done;
}

/** A key in ProtoJSON style. The contract has no message for keys. */
function keyJson(
  { keyId, clientId, state, role, tools, origin, ...times }: KeyEntry,
  lastUseMs: number | undefined,
): object {
  const { notBeforeMs, notAfterMs, createdAtMs } = times;
  return {
    keyId,
    clientId,
    state,
    ...(role !== undefined && { role }),
    tools,
    ...(notBeforeMs !== undefined && { notBefore: formatTime(notBeforeMs) }),
    ...(notAfterMs !== undefined && { notAfter: formatTime(notAfterMs) }),
    ...("serverSecretId" in origin && { serverSecretId: origin.serverSecretId }),
    createTime: formatTime(createdAtMs),
    ...(lastUseMs !== undefined && { lastUseTime: formatTime(lastUseMs) }),
  };
}

function row(
  terminal: Terminal,
  key: KeyEntry,
  { lastUseMs, nowMs }: { readonly lastUseMs: number | undefined; readonly nowMs: number },
): string[] {
  const time = (ms: number | undefined) => (ms === undefined ? "-" : shownTime(terminal, ms));
  return [
    key.keyId,
    key.clientId,
    isOver(key, nowMs) ? `${key.state} (expired)` : key.state,
    key.role ?? "-",
    key.tools.join(",") || "-",
    time(key.notBeforeMs),
    time(key.notAfterMs),
    "serverSecretId" in key.origin ? key.origin.serverSecretId : "imported",
    time(key.createdAtMs),
    time(lastUseMs),
  ];
}

function isOver({ state, notAfterMs }: KeyEntry, nowMs: number): boolean {
  return state !== "revoked" && nowMs >= (notAfterMs ?? Infinity);
}
