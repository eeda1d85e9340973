import { SealwireError } from "../../errors.ts";
import type { MessageCodec, MethodDefinition, Output, ServiceDefinition } from "../../tools/implement.ts";
import { checkFreeJson } from "../../validation/free-json.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import type { ToolContract } from "../contracts/contracts.ts";
import type { JobHandle, ReadOutput } from "../jobs/job-handle.ts";
import type { JobSnapshot } from "../jobs/job-snapshot.ts";
import type { CallOptions } from "./call-options.ts";
import type { CallResult } from "./call-result.ts";
import type { Cancellation } from "./deadline.ts";
import type { EncodedMessage } from "./signer.ts";
import { decodeAs } from "./tool-output.ts";

/** Field key, as on the wire, of the method option `(sealwire.v1.job)`: number 50610, length-delimited. */
export const JOB_OPTION_KEY = 404882;

/** The codec of a request as ts-proto generates it. */
export interface RequestCodec<T> extends MessageCodec<T> {
  fromPartial(partial: never): T;
}

/** A method whose request can be given in part. */
export interface CallableMethod extends MethodDefinition {
  // biome-ignore lint/suspicious/noExplicitAny: a definition is generic over its messages; the types below recover them
  readonly requestType: RequestCodec<any>;
}

/** A service as ts-proto's `generic-definitions` describe it. */
export interface CallableService extends ServiceDefinition {
  readonly methods: Readonly<Record<string, CallableMethod>>;
}

/** A message of which every field may be left out. */
export type Partially<T> = T extends Uint8Array | bigint | string | number | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Partially<Item>[]
    : T extends { readonly $case: infer Case; readonly value: infer Value }
      ? { readonly $case: Case; readonly value: Partially<Value> }
      : T extends object
        ? { readonly [K in keyof T as K extends "_unknownFields" ? never : K]?: Partially<T[K]> | undefined }
        : T;

/** What a method takes. */
export type PartialInput<M extends MethodDefinition> = Partially<ReturnType<M["requestType"]["decode"]>>;

/** True for methods with the option `(sealwire.v1.job)`, which ts-proto keeps among a definition's unknown fields. */
export type IsJob<M extends MethodDefinition> = M["options"] extends {
  readonly _unknownFields: { readonly [JOB_OPTION_KEY]: unknown };
}
  ? true
  : false;

/** Calls a sync tool and gives its output. */
export type SyncTool<M extends MethodDefinition> = (
  input: PartialInput<M>,
  options?: CallOptions,
) => Promise<Output<M>>;

/** Starts a job and gives its handle, once the job is durably accepted. */
export interface JobTool<M extends MethodDefinition> {
  (input: PartialInput<M>, options?: CallOptions): Promise<JobHandle<Output<M>>>;
  /** The handle of a job that was started before, here or elsewhere. Asks the server nothing. */
  resume(jobId: string): JobHandle<Output<M>>;
}

/** The tools of a service as functions, named as in its definition. Streaming methods are no tools to call. */
export type TypedTools<D extends ServiceDefinition> = {
  readonly [K in keyof D["methods"] as D["methods"][K]["responseStream"] extends true ? never : K]: IsJob<
    D["methods"][K]
  > extends true
    ? JobTool<D["methods"][K]>
    : SyncTool<D["methods"][K]>;
};

/** True if the definition of a method has the option `(sealwire.v1.job)`. */
export function isJobMethod({ options }: MethodDefinition): boolean {
  const unknown = "_unknownFields" in options ? options._unknownFields : undefined;
  return typeof unknown === "object" && unknown !== null && JOB_OPTION_KEY in unknown;
}

/** A call that is ready to be signed, with the contract that it follows. */
export interface EncodedCall {
  readonly contract: ToolContract;
  readonly args: EncodedMessage;
}

/** A verified answer, its result of the type that the contract declares. */
export interface ContractedResult {
  readonly contract: ToolContract;
  readonly result: CallResult;
}

/** What typed tools need of a client. */
export interface ToolCaller {
  contractOf(method: string, until?: Cancellation): Promise<ToolContract>;
  /** `encode` is told when the call's time ends; `name` is for people. */
  call(
    name: string,
    encode: (until: Cancellation) => Promise<EncodedCall>,
    options: CallOptions,
  ): Promise<ContractedResult>;
  job(jobId: string, read: ReadOutput<unknown>, latest?: JobSnapshot): JobHandle<unknown>;
}

/** Makes functions of a definition's unary methods. */
export function bindTools<D extends CallableService>(definition: D, caller: ToolCaller): TypedTools<D> {
  const unary = Object.entries(definition.methods).filter(([, method]) => !method.responseStream);
  const bound = unary.map(([key, method]) => [
    key,
    isJobMethod(method) ? bindJob(method, caller) : bindSync(method, caller),
  ]);
  return Object.fromEntries(bound) as TypedTools<D>;
}

function bindSync(method: CallableMethod, caller: ToolCaller) {
  return async (input: unknown, options: CallOptions = {}): Promise<unknown> => {
    const { contract, result } = await start(method, caller, input, options);
    const { output } = result;
    if (output !== undefined)
      return decodeAs(output, contract.output.typeName, (bytes) => method.responseType.decode(bytes));
    throw new SealwireError("RESPONSE_INVALID", `The answer of ${contract.tool} holds no result.`);
  };
}

function bindJob(method: CallableMethod, caller: ToolCaller) {
  const read: ReadOutput<unknown> = async (output) => {
    const contract = await caller.contractOf(method.name);
    return decodeAs(output, contract.output.typeName, (bytes) => method.responseType.decode(bytes));
  };
  const begin = async (input: unknown, options: CallOptions = {}): Promise<JobHandle<unknown>> => {
    const { contract, result } = await start(method, caller, input, options);
    const { job } = result;
    if (job?.tool === contract.tool && job.requestId === result.requestId) return caller.job(job.jobId, read, job);
    throw new SealwireError("RESPONSE_INVALID", `The answer of ${contract.tool} holds no job of this request.`);
  };
  return Object.assign(begin, { resume: (jobId: string) => caller.job(jobId, read) });
}

async function start(method: CallableMethod, caller: ToolCaller, input: unknown, options: CallOptions) {
  const { requestType } = method;
  const encode = async (until: Cancellation): Promise<EncodedCall> => {
    const contract = await caller.contractOf(method.name, until);
    const { typeName } = contract.input;
    try {
      checkFreeJson(contract.input, input);
      const value = requestType.encode(requestType.fromPartial(input as never)).finish();
      return { contract, args: { typeUrl: TYPE_URL_PREFIX + typeName, value } };
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new SealwireError("ARGS_INVALID", `The arguments do not fit ${typeName}: ${problem}.`, { cause });
    }
  };
  const called = await caller.call(method.name, encode, options);
  if (called.result.error !== undefined) throw called.result.error;
  return called;
}
