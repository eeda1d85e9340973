import { fileExists } from "../../files/file-exists.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type ClientCredentials, readCredentials } from "../../signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../signing/key-ring/key-ring.ts";
import { DEFAULT_KEY_LIMITS, type KeyRing, type VerificationKey } from "../../signing/key-ring/types.ts";
import { builtinImage, imageWith } from "../../wire/descriptors.ts";
import { loadCredentials } from "../input/connection-options.ts";
import { dataFolder } from "../input/data-folder.ts";
import { readInput } from "../input/json-input.ts";
import { openKeyRing } from "../input/key-ring-access.ts";
import type { LocationOptions } from "../input/location.ts";
import { checkRequest, type RequestCheck, type Step } from "../input/request-check.ts";
import { readRequest } from "../input/request-input.ts";
import { EXIT_CODES, ExitCode } from "../output/exit-code.ts";
import { toJsonLine } from "../output/json-output.ts";
import { plainText } from "../output/plain-text.ts";
import type { Terminal } from "../output/terminal.ts";

interface VerifyOptions extends LocationOptions {
  readonly credentials?: string;
  readonly serverId?: string;
  readonly descriptors?: string;
  readonly at?: number;
  readonly json?: boolean;
}

/** Shows the verification step at which a server would refuse a signed request. */
export async function run(terminal: Terminal, file: string, options: VerifyOptions): Promise<ExitCode> {
  const judge = await findJudge(terminal, options);
  const image =
    options.descriptors === undefined ? builtinImage() : imageWith([await readInput(terminal, options.descriptors)]);
  const frame = readRequest(await readInput(terminal, file, "a signed request"), image);
  const check = checkRequest(frame, {
    ...judge,
    serverId: options.serverId ?? judge.ring.serverId,
    image,
    nowMs: options.at ?? systemClock.nowMs(),
  });
  if (options.json) terminal.print(toJsonLine(checkJson(check)));
  else for (const step of check.steps) printStep(terminal, step);
  return check.error === undefined ? ExitCode.done : EXIT_CODES[check.error.reason];
}

/** Uses the key ring if there is one, otherwise the client's credentials, which allow fewer checks. */
async function findJudge(
  terminal: Terminal,
  options: VerifyOptions,
): Promise<{ readonly ring: KeyRing; readonly knowsPermissions: boolean }> {
  const { keyRing } = dataFolder();
  const isNamed = namesRing(options);
  if (options.credentials === undefined && (isNamed || (await fileExists(keyRing)))) {
    await using access = await openKeyRing(isNamed ? options : { keyRing }, { env: terminal.env, secrets: true });
    return { ring: buildKeyRing(await access.load()), knowsPermissions: true };
  }
  const { credentials } = options;
  const own = credentials === undefined ? await loadCredentials(terminal, {}) : await readCredentials(credentials);
  return { ring: ringOf(own), knowsPermissions: false };
}

function namesRing({ config, data, keyRing, store, serverSecretFile }: LocationOptions): boolean {
  return [config, data, keyRing, store, serverSecretFile].some((option) => option !== undefined);
}

function ringOf(credentials: ClientCredentials): KeyRing {
  const { serverId, serverFingerprint: fingerprint, keyId, clientId, requestKey, responseKey } = credentials;
  const own: Omit<VerificationKey, "limits" | "allows"> = {
    keyId,
    clientId,
    state: "active",
    requestKey,
    responseKey,
    fingerprint,
  };
  const key: VerificationKey = { ...own, limits: DEFAULT_KEY_LIMITS, allows: () => true };
  return { serverId, find: (id) => (id === keyId ? key : undefined), keys: () => [key] };
}

function printStep(terminal: Terminal, { step, outcome, detail }: Step): void {
  const { green, red, yellow } = terminal.dataColors;
  const color = { ok: green, failed: red, unchecked: yellow }[outcome];
  terminal.print(`${color(outcome.padEnd(9))}  ${step.padEnd(9)}  ${plainText(detail)}`);
}

function checkJson({ steps, error }: RequestCheck): object {
  const failed = steps.find((step) => step.outcome === "failed");
  return { ok: error === undefined, ...(error && { failedStep: failed?.step, reason: error.reason }), steps };
}
