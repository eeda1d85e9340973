import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { findLocalContract, type ToolContract } from "../../client/contracts/contracts.ts";
import { SealwireError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { describeSpan } from "../../runtime/time-span.ts";
import { isUsable, KEY_ROLES, type KeyRing, type KeyRole, type VerificationKey } from "../../signing/key-ring/types.ts";
import {
  type AuthenticatedRequest,
  checkEnvelope,
  createRequestAuthenticator,
  MAX_AGE_MS,
  MAX_AHEAD_MS,
} from "../../signing/request/verify.ts";
import { ArgsValidator } from "../../validation/args.ts";
import { readEnvelope } from "../../validation/envelope.ts";
import { argsMisfit } from "../../validation/type-url.ts";
import type { Image } from "../../wire/descriptors.ts";
import { type Frame, readFrame } from "../../wire/frame.ts";
import {
  CALL_METHOD,
  CALL_STREAM_METHOD,
  MAX_REQUEST_BYTES,
  methodOfTool,
  TYPE_URL_PREFIX,
  WATCH_JOB_METHOD,
} from "../../wire/limits.ts";

/** The result of one verification step; `unchecked`: only the server can check it. */
export interface Step {
  readonly step: string;
  readonly outcome: "ok" | "failed" | "unchecked";
  readonly detail: string;
}

/** The steps up to the first failed one, and its error. */
export interface RequestCheck {
  readonly steps: readonly Step[];
  readonly error: SealwireError | undefined;
}

/** The expectations for a request. */
export interface RequestCheckOptions {
  readonly ring: KeyRing;
  /** False if the ring was made of a client's credentials, which do not contain the key's permissions. */
  readonly knowsPermissions: boolean;
  readonly serverId: string;
  readonly image: Image;
  /** Time of the verification, Unix milliseconds. */
  readonly nowMs: number;
}

/**
 * Checks a signed request in the server's order (docs/protocol-server.md, Verification order), as far as this is possible
 * offline.
 */
export function checkRequest(frameBytes: Uint8Array, options: RequestCheckOptions): RequestCheck {
  const log = new StepLog();
  try {
    takeSteps(log, frameBytes, options);
    return { steps: log.steps, error: undefined };
  } catch (thrown) {
    if (thrown instanceof SealwireError) return { steps: log.steps, error: thrown };
    throw thrown;
  }
}

class StepLog {
  readonly steps: Step[] = [];

  /** Runs a step, records its result and returns its value. */
  take<T>(step: string, run: () => T, describe: (value: T) => string): T {
    try {
      const value = run();
      this.steps.push({ step, outcome: "ok", detail: describe(value) });
      return value;
    } catch (thrown) {
      const { reason, message } = SealwireError.from(thrown);
      this.steps.push({ step, outcome: "failed", detail: `${reason}: ${message}` });
      throw thrown;
    }
  }

  skip(step: string, why: string): void {
    this.steps.push({ step, outcome: "unchecked", detail: why });
  }
}

function takeSteps(log: StepLog, bytes: Uint8Array, options: RequestCheckOptions): void {
  log.take(
    "size",
    () => checkSize(bytes),
    () => `${bytes.length} bytes`,
  );
  const frame = log.take(
    "frame",
    () => openFrame(bytes),
    () => "three fields, each once",
  );
  const key = log.take(
    "key",
    () => findKey(frame.keyId, options),
    (found) => `${found.keyId} of client ${found.clientId}, ${found.state}`,
  );
  const signed = log.take(
    "signature",
    () => authenticate(bytes, options),
    ({ method, request }) => `holds for ${method}, ${asReceived(frame, request) ? "as received" : "in canonical form"}`,
  );
  const envelope = log.take(
    "envelope",
    () => readEnvelope(signed.request.envelope),
    ({ requestId }) => `request ${requestId}`,
  );
  takeEnvelopeSteps(log, envelope, key, options);
  log.skip("limits", "only the server knows the usage of the key");
  log.skip("nonce", "only the server knows whether it was used before");
  takeToolSteps(log, envelope, { key, method: signed.method }, options);
}

/** Each check accepts the faults that a later check reports. */
function takeEnvelopeSteps(log: StepLog, envelope: Envelope, key: VerificationKey, options: RequestCheckOptions): void {
  const { serverId, nowMs } = options;
  const check = (expected: { serverId: string; nowMs: number }) => () =>
    checkEnvelope(envelope, { key, maxAgeMs: MAX_AGE_MS, maxAheadMs: MAX_AHEAD_MS, ...expected });
  const tsMs = Number(envelope.tsMs);
  log.take("client", check({ serverId: envelope.serverId, nowMs: tsMs }), () => envelope.clientId);
  log.take("server", check({ serverId, nowMs: tsMs }), () => envelope.serverId);
  log.take("time", check({ serverId, nowMs }), () => describeTime(tsMs, nowMs));
}

function describeTime(tsMs: number, nowMs: number): string {
  const distance = `${describeSpan(Math.abs(nowMs - tsMs))} ${tsMs > nowMs ? "ahead" : "old"}`;
  return `${new Date(tsMs).toISOString()}, ${distance}`;
}

function takeToolSteps(
  log: StepLog,
  { tool, args }: Envelope,
  { key, method }: { readonly key: VerificationKey; readonly method: string },
  { image, knowsPermissions }: RequestCheckOptions,
): void {
  const contract = findLocalContract(image, tool);
  const byRole = rolesFor(contract, image).includes(key.role);
  const isSystemTool = contract?.input.typeName.startsWith("sealwire.system.v1.") === true;
  log.take(
    "rpc",
    () => checkMethod(tool, method),
    () => `${tool} through ${method}`,
  );
  if (!knowsPermissions && !isSystemTool) log.skip("tool", "only the key ring contains the key's permissions");
  else {
    log.take(
      "tool",
      () => isSystemTool || byRole || checkPermission(tool, key),
      () => {
        if (isSystemTool) return "every key may call it";
        return byRole ? `the key has the role ${key.role}` : `${tool} is on the key's allow-list`;
      },
    );
  }
  log.skip("intent", "only the server knows whether the request id was used before");
  if (contract === undefined) log.skip("args", `the contract of ${tool} is not here; give --descriptors FILE`);
  else {
    log.take(
      "args",
      () => checkArgs(image, contract, args),
      () => `a valid ${contract.input.typeName}`,
    );
  }
}

function checkSize({ length }: Uint8Array): void {
  if (length <= MAX_REQUEST_BYTES) return;
  throw new SealwireError(
    "SIGNATURE_INVALID",
    `The frame has ${length} bytes; a server accepts at most ${MAX_REQUEST_BYTES}.`,
  );
}

/** A server answers all of these faults with one text. Here the exact cause is reported. */
function openFrame(bytes: Uint8Array): Frame {
  try {
    return readFrame(bytes);
  } catch (error) {
    throw new SealwireError("SIGNATURE_INVALID", `The frame is not well-formed (${String((error as Error).cause)}).`);
  }
}

function findKey(keyId: string, { ring, nowMs }: RequestCheckOptions): VerificationKey {
  const key = ring.find(keyId);
  if (key === undefined) throw new SealwireError("SIGNATURE_INVALID", `The key ${keyId} is not known here.`);
  if (isUsable(key, nowMs)) return key;
  const problem = key.state === "revoked" ? "is revoked" : "is outside its time of validity";
  throw new SealwireError("SIGNATURE_INVALID", `The key ${keyId} ${problem}.`);
}

/** The frame does not contain the method for which it was signed, so all three methods are tried. */
function authenticate(
  bytes: Uint8Array,
  { ring, image, nowMs }: RequestCheckOptions,
): { readonly method: string; readonly request: AuthenticatedRequest } {
  const clock = { ...systemClock, nowMs: () => nowMs };
  const authenticator = createRequestAuthenticator({ ring: () => ring, image, clock, canonicalRetriesPerSecond: 3 });
  for (const method of [CALL_METHOD, WATCH_JOB_METHOD, CALL_STREAM_METHOD]) {
    try {
      return { method, request: authenticator.authenticate(method, bytes) };
    } catch (error) {
      if (!(error instanceof SealwireError) || error.cause !== "mac") throw error;
    }
  }
  const problem = "The signature is not the key's signature of these bytes for any RPC of ToolService";
  throw new SealwireError("SIGNATURE_INVALID", `${problem}: something was changed, or the keys differ.`);
}

function asReceived(frame: Frame, { envelope }: AuthenticatedRequest): boolean {
  return Buffer.from(frame.content).equals(envelope);
}

function checkMethod(tool: string, method: string): void {
  // CallStream carries the same tools as Call.
  if (methodOfTool(tool) === (method === CALL_STREAM_METHOD ? CALL_METHOD : method)) return;
  throw new SealwireError("TOOL_RPC_MISMATCH", `The tool ${tool} is not called through ${method}.`);
}

/** The roles whose keys may call a tool of the operator; none for any other tool. */
function rolesFor(contract: ToolContract | undefined, image: Image): readonly (KeyRole | undefined)[] {
  const methods = image.registry.getService("sealwire.operator.v1.OperatorToolService")?.methods ?? [];
  const method = methods.find(({ input }) => input.typeName === contract?.input.typeName);
  if (method === undefined) return [];
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ? KEY_ROLES : ["operator"];
}

function checkPermission(tool: string, key: VerificationKey): void {
  if (key.allows(tool)) return;
  throw new SealwireError("TOOL_FORBIDDEN", `The key ${key.keyId} may not call ${tool}.`);
}

function checkArgs(image: Image, { input, tool }: ToolContract, args: Envelope["args"]): void {
  const typeUrl = TYPE_URL_PREFIX + input.typeName;
  if (args?.typeUrl !== typeUrl) throw argsMisfit(tool, typeUrl);
  new ArgsValidator(image).validate(input, args.value);
}
