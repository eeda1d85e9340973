import { systemClock } from "../../../runtime/clock.ts";
import type { KeyEntry } from "../../../signing/key-ring/document.ts";
import { formatTime } from "../../../signing/key-ring/json-fields.ts";
import { ExitCode } from "../../exit-code.ts";
import { openKeyRing } from "../../key-ring-access.ts";
import type { PlaceOptions } from "../../place.ts";
import { printTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";

/** Lists the keys of a ring; no secrets. */
export async function run(terminal: Terminal, options: PlaceOptions & { readonly json?: boolean }): Promise<ExitCode> {
  await using access = await openKeyRing(options, { env: terminal.env, secrets: false });
  const document = await access.load();
  const lastUse = await access.lastUse();
  const keys = document.keys.map((key) => describe(key, lastUse.get(key.keyId)));
  if (options.json) {
    for (const key of keys) terminal.print(JSON.stringify(key));
    return ExitCode.done;
  }
  const nowMs = systemClock.nowMs();
  const rows = keys.map((key, index) => [
    key.key_id,
    key.client_id,
    isOver(document.keys[index], nowMs) ? `${key.state} (expired)` : key.state,
    key.tools.join(",") || "-",
    key.not_before ?? "-",
    key.not_after ?? "-",
    key.server_secret_id ?? "imported",
    key.created_at,
    key.last_use ?? "-",
  ]);
  const headings = ["KEY", "CLIENT", "STATE", "TOOLS", "NOT BEFORE", "NOT AFTER", "FROM", "CREATED", "LAST USE"];
  printTable(terminal, headings, rows);
  return ExitCode.done;
}

function describe(key: KeyEntry, lastUseMs: number | undefined) {
  const { origin, notBeforeMs, notAfterMs } = key;
  return {
    key_id: key.keyId,
    client_id: key.clientId,
    state: key.state,
    tools: key.tools,
    ...(notBeforeMs !== undefined && { not_before: formatTime(notBeforeMs) }),
    ...(notAfterMs !== undefined && { not_after: formatTime(notAfterMs) }),
    ...("serverSecretId" in origin && { server_secret_id: origin.serverSecretId }),
    created_at: formatTime(key.createdAtMs),
    ...(lastUseMs !== undefined && { last_use: formatTime(lastUseMs) }),
  };
}

function isOver(key: KeyEntry | undefined, nowMs: number): boolean {
  return key !== undefined && key.state !== "revoked" && nowMs >= (key.notAfterMs ?? Infinity);
}
