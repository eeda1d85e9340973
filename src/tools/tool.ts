import { createHash } from "node:crypto";
import { type DescMessage, type DescMethod, getOption, hasOption, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ToolDescription } from "../../gen/sealwire/system/v1/list_tools.ts";
import { JobPolicy as JobPolicyMessage, ToolOptions } from "../../gen/sealwire/v1/options.ts";
import { SealwireError } from "../errors.ts";
import type { JobPolicy } from "../jobs/job.ts";
import { pae } from "../signing/pae.ts";
import { commentOf } from "../wire/comments.ts";
import { fileClosure, type Image, withoutSourceInfo } from "../wire/descriptors.ts";
import { TYPE_URL_PREFIX } from "../wire/limits.ts";
import { definitionDigest, definitionOf } from "./definition.ts";
import type { AnyHandler } from "./implement.ts";
import { resolveJobPolicy, toPolicyMessage } from "./job-policy.ts";
import { progressField } from "./job-stream.ts";
import { checkToolName, toToolName } from "./tool-name.ts";

/** Where tools run that do not run in this process. */
export interface ToolHost {
  /** Names it in messages, for example `the upstream "py"`. */
  readonly name: string;
  /** Number of further runs that it can take at this time. */
  readonly room: number;
  /** True if the method, such as "greet.v1.GreetToolService.Greet", can run at this time. */
  serves(method: string): boolean;
}

/** What runs a tool. */
export interface ToolRunner {
  readonly handler: AnyHandler;
  /** `undefined`: this process. */
  readonly host?: ToolHost;
  /** See {@link Tool.deduplicates}. */
  readonly deduplicates?: boolean;
  /**
   * True if a job's attempt that has begun must not be followed by another: if its outcome is not known, the job fails
   * with OUTCOME_UNKNOWN, also when the worker drains. The policy must allow one attempt. Default false.
   */
  readonly runsOnce?: boolean;
  /** Checks arguments that fit the request message further. Throws ARGS_INVALID. */
  checkArgs?(args: Uint8Array): void;
  /** Decodes validated arguments for the handler. */
  decodeInput(args: Uint8Array): unknown;
  /**
   * Encodes the handler's output. Throws StrictError for bytes that do not encode the message, FreeJsonError for a
   * value that JSON cannot represent.
   */
  encodeOutput(output: unknown): Uint8Array;
}

/** A tool: a method of a contract with what runs it. */
export interface Tool extends ToolRunner {
  readonly name: string;
  readonly input: DescMessage;
  readonly inputTypeUrl: string;
  readonly output: DescMessage;
  readonly outputTypeUrl: string;
  /** The job policy of a job tool; `undefined` for other tools. */
  readonly policy: JobPolicy | undefined;
  /** True if the tool is idempotent or has no side effects, so that no intent is recorded. */
  readonly repeatable: boolean;
  /** True if runs with the same idempotency key take effect once, so that an intent without an outcome may run again. */
  readonly deduplicates: boolean;
  /** True for `watch_job` and `watch_jobs`, which answer with a stream of messages. False for streaming job methods. */
  readonly streaming: boolean;
  readonly description: ToolDescription;
}

/** Makes the tool of a method. Throws OPTIONS_INVALID if its options are invalid. */
export function makeTool(image: Image, method: DescMethod, runner: ToolRunner): Tool {
  const description = describeTool(image, method);
  return {
    deduplicates: false,
    ...runner,
    name: description.name,
    input: method.input,
    inputTypeUrl: TYPE_URL_PREFIX + method.input.typeName,
    output: method.output,
    outputTypeUrl: TYPE_URL_PREFIX + method.output.typeName,
    policy: description.job === undefined ? undefined : resolveJobPolicy(description.job, description.method),
    repeatable: description.idempotent,
    streaming: method.methodKind === "server_streaming" && description.job === undefined,
    description,
  };
}

/** The name and hints that the contract gives the tool of a method. */
export function toolOptionsOf(image: Image, method: DescMethod): ToolOptions | undefined {
  return readOption(image, method, "sealwire.v1.tool", ToolOptions);
}

/** The tool name of a method. Throws OPTIONS_INVALID for an invalid name in its options. */
export function toolNameOf(image: Image, method: DescMethod): string {
  const name = toolOptionsOf(image, method)?.name || toToolName(method.name);
  checkToolName(name, methodPath(method));
  return name;
}

/** The description of a method in `list_tools`. Throws OPTIONS_INVALID if its options are invalid. */
export function describeTool(image: Image, method: DescMethod): ToolDescription {
  const path = methodPath(method);
  const options = toolOptionsOf(image, method);
  const jobOption = readJobOption(image, method);
  const name = toolNameOf(image, method);
  const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (method.methodKind !== "unary" && method.methodKind !== "server_streaming")
    throw new SealwireError("OPTIONS_INVALID", `${path} streams its requests; a tool has one request.`);
  if (isStreamingJob(image, method)) progressField(path, method.output);
  const description = {
    name,
    description: commentOf(image, method),
    method: path,
    requestType: method.input.typeName,
    responseType: method.output.typeName,
    digest: contractDigest(image, method),
    readOnly,
    idempotent: readOnly || method.idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT,
    job: jobOption && toPolicyMessage(resolveJobPolicy(jobOption, path)),
    options,
  };
  return { ...description, definitionDigest: definitionDigest(definitionOf(image, description)) };
}

/** The full name of a method, for example "greet.v1.GreetToolService.Greet". */
export function methodPath(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** True for a job tool whose method streams its response. */
export function isStreamingJob(image: Image, method: DescMethod): boolean {
  return method.methodKind === "server_streaming" && readJobOption(image, method) !== undefined;
}

function readJobOption(image: Image, method: DescMethod): JobPolicyMessage | undefined {
  return readOption(image, method, "sealwire.v1.job", JobPolicyMessage);
}

function readOption<T>(
  image: Image,
  method: DescMethod,
  name: string,
  codec: { decode(bytes: Uint8Array): T },
): T | undefined {
  const extension = image.registry.getExtension(name);
  if (extension?.message === undefined || !hasOption(method, extension)) return undefined;
  const value = getOption(method, extension) as Parameters<typeof toBinary>[1];
  return codec.decode(toBinary(extension.message, value));
}

/** SHA-256 over the PAE of the files that the method depends on, sorted by name, each without source info. */
function contractDigest(image: Image, method: DescMethod): string {
  const names = fileClosure(image, [`${method.parent.file.name}.proto`]).sort();
  const files = names.map((name) => withoutSourceInfo(image.files.get(name) ?? new Uint8Array()));
  return createHash("sha256")
    .update(pae(...files))
    .digest("hex");
}
