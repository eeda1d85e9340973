import type { JsonObject } from "@bufbuild/protobuf";
import type { SealwireClient } from "../../client/client.ts";
import { type ErrorDetail, SealwireError } from "../../errors.ts";
import { anyJson, opaqueJson } from "../../validation/lenient-json.ts";
import type { ExitCode } from "./exit-code.ts";
import { reportFailure } from "./failure.ts";
import { toJsonLine } from "./json-output.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The details of an error as ProtoJSON. A detail of a type that neither this command nor the server's tools know is
 * written as its type and its bytes in base64.
 */
export function detailsJson(client: SealwireClient, details: readonly ErrorDetail[]): Promise<JsonObject[]> {
  return Promise.all(
    details.map(async (detail) => {
      try {
        return anyJson(detail, await client.read(detail).lenientJson());
      } catch {
        return opaqueJson(detail);
      }
    }),
  );
}

/** Prints the error of a call or job like {@link reportFailure}, and each of its details in one line. */
export async function reportCallFailure(
  terminal: Terminal,
  client: SealwireClient,
  thrown: unknown,
  requestId?: string,
): Promise<ExitCode> {
  const exitCode = reportFailure(terminal, thrown, requestId);
  const details = thrown instanceof SealwireError ? thrown.details : [];
  for (const detail of await detailsJson(client, details))
    terminal.say(`${terminal.colors.dim("  detail:")} ${toJsonLine(detail)}`);
  return exitCode;
}
