import { resolve } from "node:path";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { encodeArguments } from "../../client/calls/arguments.ts";
import { notListed } from "../../client/contracts/contract-source.ts";
import { findLocalContract, type ToolContract } from "../../client/contracts/contracts.ts";
import { SealwireError } from "../../errors.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import { systemClock } from "../../runtime/clock.ts";
import { systemRandom } from "../../runtime/random.ts";
import { canonicalize } from "../../signing/canonical.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { type SignedRequestFrame, signRequest } from "../../signing/request/sign.ts";
import { requestSigningInput } from "../../signing/request/signature.ts";
import { builtinImage, messageDesc, readImage } from "../../wire/descriptors.ts";
import { CALL_METHOD, methodOfTool } from "../../wire/limits.ts";
import { parseAddresses } from "../../wire/server-address.ts";
import { type ConnectionOptions, loadCredentials } from "../input/connection-options.ts";
import { readDescriptors } from "../input/descriptors-input.ts";
import { readArguments } from "../input/json-input.ts";
import { relayChanges } from "../input/relay-changes.ts";
import { ExitCode } from "../output/exit-code.ts";
import { toJsonLine } from "../output/json-output.ts";
import type { Terminal } from "../output/terminal.ts";

interface SignOptions extends ConnectionOptions {
  readonly requestId?: string;
  readonly descriptors?: string;
  readonly count?: number;
  readonly binary?: boolean;
  readonly grpcurl?: boolean;
  readonly explain?: boolean;
}

const NONCE_BYTES = 16;
const MAX_WARNINGS = 5;
/** Linux limits one command argument to 128 KiB. */
const MAX_ARGUMENT_BYTES = 100_000;

/** Signs one or more requests for a call, each with a new nonce, and prints the frames. */
export async function run(
  terminal: Terminal,
  tool: string,
  json: string | undefined,
  options: SignOptions,
): Promise<ExitCode> {
  const credentials = await loadCredentials(terminal, options);
  const contract = await findContract(terminal, tool, options, credentials);
  const encoded = encodeArguments(contract, await readArguments(terminal, json));
  // Signs the canonical form, because a relay that converts the JSON to bytes may reorder maps. The server can restore
  // this form.
  const args = { ...encoded, value: canonicalize(encoded.value, contract.input) };
  const method = methodOfTool(tool);
  let isFirst = true;
  for (let left = options.count ?? 1; left > 0; left--) {
    const signed = signRequest({
      ...credentials,
      method,
      tool,
      args,
      requestId: options.requestId ?? systemRandom.uuid(),
      tsMs: systemClock.nowMs(),
      nonce: systemRandom.bytes(NONCE_BYTES),
    });
    if (options.binary) terminal.write(delimited(signed.frame));
    else {
      if (isFirst) warnOfRelays(terminal, signed, args.value, contract);
      const frame = frameJson(signed, method, contract);
      terminal.print(options.grpcurl ? grpcurlCommand(frame, method, credentials, options) : frame);
    }
    if (options.explain) explain(terminal, { signed, method, credentials, args: args.value });
    isFirst = false;
  }
  return ExitCode.done;
}

/**
 * Warns of values that a relay changes when it converts the JSON to bytes. The server would only answer
 * SIGNATURE_INVALID.
 */
function warnOfRelays(
  terminal: Terminal,
  { frame }: SignedRequestFrame,
  value: Uint8Array,
  contract: ToolContract,
): void {
  const { input: desc, registry } = contract;
  const changes = relayChanges({ desc, value, frameBytes: frame.length, registry });
  const { yellow, dim } = terminal.colors;
  for (const { path, what } of changes.slice(0, MAX_WARNINGS)) terminal.say(`${yellow("warning:")} ${path}: ${what}`);
  const hidden = changes.length - MAX_WARNINGS;
  if (hidden > 0) terminal.say(`${yellow("warning:")} ${hidden} more`);
  if (changes.length > 0) terminal.say(`${dim("  try:")} Call by \`sealwire call\`, or send the bytes of --binary.`);
}

/** A frame prefixed by its length as a varint, the common format of protobuf message sequences. */
function delimited(frame: Uint8Array): Uint8Array {
  return new BinaryWriter().bytes(frame).finish();
}

/**
 * Finds the contract in `--descriptors`, in the built-in image or in the server's signed list of tools; never by
 * unsigned reflection.
 */
async function findContract(
  terminal: Terminal,
  tool: string,
  options: SignOptions,
  credentials: ClientCredentials,
): Promise<ToolContract> {
  const given = await readDescriptors(terminal, options.descriptors);
  const local = (given && findLocalContract(given, tool)) ?? findLocalContract(builtinImage(), tool);
  if (local !== undefined) return local;
  if (given === undefined) {
    const { openClient } = await import("../input/open-client.ts");
    await using client = await openClient(terminal, options, credentials);
    const { tools, descriptorSet } = await client.listTools({ includeDescriptors: true });
    const listed = findLocalContract(readImage(descriptorSet), tool);
    if (listed !== undefined) return listed;
    const names = tools.map(({ name }) => name);
    throw notListed({ name: tool, what: `tool "${tool}"` }, names);
  }
  const toDo = "Check the name, or leave out --descriptors.";
  throw new SealwireError("OPTIONS_INVALID", `The tool "${tool}" is not in that image.\n${toDo}`);
}

function frameJson({ frame }: SignedRequestFrame, method: string, { registry }: ToolContract): string {
  const name = method === CALL_METHOD ? "sealwire.v1.CallRequest" : "sealwire.v1.WatchJobRequest";
  const desc = messageDesc(builtinImage(), name);
  return toJsonLine(toJson(desc, fromBinary(desc, frame), { registry }));
}

function grpcurlCommand(frame: string, method: string, credentials: ClientCredentials, options: SignOptions): string {
  const { tls, tlsCa, tlsCert, tlsKey, tlsServerName } = options;
  const valued = { "-cacert": tlsCa, "-cert": tlsCert, "-key": tlsKey, "-servername": tlsServerName };
  const given = Object.entries(valued).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const security = tls || given.length > 0 ? given : ["-plaintext"];
  const [{ target: address } = { target: "" }] = parseAddresses(credentials.address);
  const socket = /^unix:(?:\/\/)?(.*)$/.exec(address)?.[1];
  // grpcurl interprets the first part of a relative path as a host.
  const target = socket === undefined ? [address] : ["-unix", resolve(socket)];
  const command = (data: string) =>
    ["grpcurl", ...security, "-d", data, ...target, method.slice(1)].map(shellQuote).join(" ");
  // printf is a shell builtin, so the length of its arguments is not limited.
  return Buffer.byteLength(frame) <= MAX_ARGUMENT_BYTES
    ? command(frame)
    : `printf %s ${shellQuote(frame)} | ${command("@")}`;
}

interface Explained {
  readonly signed: SignedRequestFrame;
  readonly method: string;
  readonly credentials: ClientCredentials;
  readonly args: Uint8Array;
}

function explain(terminal: Terminal, { signed, method, credentials, args }: Explained): void {
  const { keyId } = credentials;
  const { envelope, signature, frame } = signed;
  const input = requestSigningInput({ method, keyId, envelope });
  const { bold, dim } = terminal.colors;
  const step = (title: string, ...lines: readonly string[]) => {
    terminal.say(bold(title));
    for (const line of lines) terminal.say(`  ${line}`);
  };
  step(`1. args: the tool's request message in canonical form, ${args.length} bytes`, hex(args) || dim("(empty)"));
  step(
    `2. Envelope: v, request_id, ts_ms, client_id, server_id, tool, args, nonce, ${envelope.length} bytes`,
    hex(envelope),
  );
  step(
    `3. signing input: PAE("request", method, key_id, Envelope), ${input.length} bytes`,
    `method ${method}`,
    `key_id ${keyId}`,
    `as text  ${printable(input)}`,
    `as hex   ${hex(input)}`,
  );
  step("4. signature: HMAC-SHA256(request key, signing input), 32 bytes", hex(signature));
  step(`5. frame: envelope = 1, key_id = 2, signature = 3, ${frame.length} bytes`, hex(frame));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Escapes bytes outside printable ASCII as \xNN. */
function printable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
}
