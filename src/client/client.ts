/* The file is long because the class has every operation of a client, each with its documentation. */

import type { Client, Interceptor } from "@grpc/grpc-js";
import type { Any } from "../../gen/google/protobuf/any.ts";
import { ListToolsRequest, ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { ServerIdentityRequest, ServerIdentityResponse } from "../../gen/sealwire/system/v1/server_identity.ts";
import { SealwireError } from "../errors.ts";
import { TYPE_URL_PREFIX } from "../wire/limits.ts";
import { type CallArguments, encodeArguments, isEncoded } from "./calls/arguments.ts";
import { type CallOptions, checkTraceContext } from "./calls/call-options.ts";
import { type CallResult, readResult } from "./calls/call-result.ts";
import { type Cancellation, Deadline } from "./calls/deadline.ts";
import { Operations } from "./calls/operations.ts";
import { type EncodedMessage, Signer } from "./calls/signer.ts";
import { callTool, callWithin, type Intent, timeUp } from "./calls/tool-call.ts";
import { decodeAs, ToolOutput } from "./calls/tool-output.ts";
import {
  bindTools,
  type CallableService,
  type ContractedResult,
  type EncodedCall,
  type TypedTools,
} from "./calls/typed-tools.ts";
import type { Connection, OperationOptions } from "./connection.ts";
import { ContractSource, isSystemTool } from "./contracts/contract-source.ts";
import { type EncodedWatchRequest, watchEncoded } from "./jobs/encoded-watch.ts";
import { JobHandle } from "./jobs/job-handle.ts";
import type { JobSnapshot } from "./jobs/job-snapshot.ts";
import { encodeListing, type JobPage, type ListJobsOptions, readJobPage } from "./jobs/list-jobs.ts";
import type { WatchOptions } from "./jobs/watch.ts";
import { type WatchJobsOptions, watchJobs } from "./jobs/watch-jobs.ts";
import { signingInterceptor } from "./native/interceptor.ts";
import { createStub, type StubClass } from "./native/stub.ts";
import { type ClientOptions, checkTimeoutMs, type ResolvedClientOptions, resolveClientOptions } from "./options.ts";
import { PinnedTools } from "./pins/pinned-tools.ts";
import { checkHealth, type ServingStatus } from "./transport/health.ts";
import { Pipelines } from "./transport/pipeline.ts";
import { Replicas } from "./transport/replicas.ts";
import { Channel, type Transport } from "./transport/transport.ts";

/**
 * Calls the tools of one server. Signs every request, accepts only answers with a valid signature for their request,
 * and retries if that is safe. Every method throws a {@link SealwireError}: UNREACHABLE, CREDENTIALS_REFUSED or
 * RESPONSE_UNVERIFIED if no verified answer was received, DEADLINE_EXCEEDED if the time was up, and otherwise the
 * reason that the server signed.
 *
 * @example
 * ```ts
 * const credentials = await fileCredentials({ path: ".sealwire/client.json" });
 * await using client = new SealwireClient({ credentials });
 * const { text } = await client.tools(GreetToolServiceDefinition).greet({ name: "Ada" });
 * const job = await client.tools(GreetToolServiceDefinition).greetSlowly({ name: "Ada" });
 * console.log(text, (await job.result()).text);
 * ```
 */
export class SealwireClient implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #contracts: ContractSource;
  readonly #pinned: PinnedTools | undefined;
  readonly #closing = new AbortController();
  #interceptor: Interceptor | undefined;

  /** Checks the options. Connects on the first call. Throws OPTIONS_INVALID. */
  constructor(options: ClientOptions) {
    const resolved = resolveClientOptions(options);
    const transport = connect(resolved);
    const closed = this.#closing.signal;
    this.#connection = {
      options: resolved,
      transport,
      pipelines:
        resolved.pipeline === false ? undefined : new Pipelines({ ...resolved, mode: resolved.pipeline, closed }),
      signer: new Signer(resolved),
      operations: new Operations(resolved),
    };
    this.#contracts = new ContractSource({
      ...resolved,
      local: resolved.descriptors,
      fetch: () => this.listTools({ includeDescriptors: true }),
    });
    const { pins, credentials } = resolved;
    const serverId = (): string => credentials.current().serverId;
    this.#pinned = pins && new PinnedTools({ pins, contracts: this.#contracts, serverId });
  }

  /**
   * Calls a tool by name and returns its verified answer. That of a job tool is ACCEPTED with the job. JSON arguments
   * are encoded with the contract in `descriptors` or in the server's signed `list_tools` answer. Throws the tool's
   * error if the answer is not ok, unless `returnFailure` is set.
   */
  async call(tool: string, args: CallArguments, options: CallOptions = {}): Promise<CallResult> {
    const result = await this.#callAny(tool, args, options);
    if (result.error !== undefined && options.returnFailure !== true) throw result.error;
    return result;
  }

  /**
   * The tools of a service as typed functions, from its generated definition. A sync tool returns its output, a job
   * tool a {@link JobHandle}. Generated types lose -0 and, inside a Struct, unset values and, in requests, `__proto__`
   * keys. Use {@link call} if these matter.
   */
  tools<const D extends CallableService>(definition: D): TypedTools<D> {
    return bindTools(definition, {
      contractOf: (method, signal) => this.#contracts.forMethod(`${definition.fullName}.${method}`, signal),
      call: (name, encode, options) => this.#callEncoded(name, encode, options),
      job: (jobId, read, latest) => new JobHandle(this.#connection, jobId, read, latest),
    });
  }

  /**
   * Creates a stub of a generated grpc-js client class, such as ts-proto writes with `outputServices=grpc-js`. Its calls
   * are signed, retried and verified as those of {@link tools}, and mean what a native call means (docs/clients.md): a
   * call of a job tool waits for the job, and ends with its output. A failed call ends with a `ServiceError` that has the
   * {@link SealwireError} as its `cause`.
   *
   * @example
   * ```ts
   * const stub = client.stub(DemoToolServiceClient);
   * stub.batchSum({ numbers: [1, 2, 3.5] }, (error, response) => console.log(error?.cause ?? response));
   * ```
   */
  stub<S extends Client>(Stub: StubClass<S>): S {
    return createStub(Stub, this.#connection.options, this.interceptor);
  }

  /**
   * The grpc-js interceptor behind {@link stub}, for stubs that are made in another way. It must be the last one. Methods
   * of `sealwire.v1`, health and reflection are sent unsigned on the stub's own channel. All other calls are sent by this
   * client, to the server in its credentials.
   */
  get interceptor(): Interceptor {
    const { timeoutMs, logger, clock, random } = this.#connection.options;
    this.#interceptor ??= signingInterceptor({
      client: this,
      fetch: () => this.listTools({ includeDescriptors: true }),
      timeoutMs,
      closed: this.#closing.signal,
      logger,
      clock,
      random,
    });
    return this.#interceptor;
  }

  /** Returns the handle of a job by its id. Sends no request. */
  job(jobId: string): JobHandle<ToolOutput> {
    return new JobHandle(this.#connection, jobId, (output) => new ToolOutput(output, this.#contracts));
  }

  /** Reads a packed message, such as one of the `details` of an error, like the output of a tool. Sends no request. */
  read(message: EncodedMessage): ToolOutput {
    return new ToolOutput(message, this.#contracts);
  }

  /** Returns one page of this client's own jobs, newest first. */
  async listJobs(options: ListJobsOptions = {}): Promise<JobPage> {
    const output = await this.#callSystem("list_jobs", "ListJobs", encodeListing(options), options);
    return readJobPage(output);
  }

  /**
   * Watches all of this client's jobs in one stream: yields each open job, then every newer state of these and of new
   * jobs (progress may be merged), until the caller stops it. Misses no end of a job after the first yielded state or,
   * with `endedSinceMs`, after that time. Resumes like the watch of one job. Use `job(jobId).result()` for the output
   * of a job.
   */
  watchJobs(options: WatchJobsOptions = {}): AsyncGenerator<JobSnapshot, void, undefined> {
    return watchJobs(this.#connection, options);
  }

  /**
   * Watches by the encoded request of `watch_job` or `watch_jobs`. Yields the encoded message of every verified answer,
   * heartbeats included.
   *
   * @internal
   */
  watchEncoded(request: EncodedWatchRequest, options: WatchOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return watchEncoded(this.#connection, request, options);
  }

  /** Lists the tools that this client may use, optionally with their descriptors. */
  async listTools(
    options: OperationOptions & { readonly includeDescriptors?: boolean } = {},
  ): Promise<ListToolsResponse> {
    const request = { includeDescriptors: options.includeDescriptors ?? false };
    const output = await this.#callSystem(
      "list_tools",
      "ListTools",
      ListToolsRequest.encode(request).finish(),
      options,
    );
    return decodeAs(output, "sealwire.system.v1.ListToolsResponse", ListToolsResponse.decode);
  }

  /**
   * Requests the server's identity. Throws RESPONSE_UNVERIFIED if its id or the fingerprint of its secret differs from
   * the credentials.
   */
  async identity(options: OperationOptions = {}): Promise<ServerIdentityResponse> {
    const request = ServerIdentityRequest.encode({}).finish();
    const { signer } = this.#connection;
    const before = signer.credentials;
    const output = await this.#callSystem("server_identity", "ServerIdentity", request, options);
    const identity = decodeAs(output, "sealwire.system.v1.ServerIdentityResponse", ServerIdentityResponse.decode);
    const { serverId, serverFingerprint } = signer.credentials;
    // The credentials may have been replaced meanwhile; the server names the secret of those that signed.
    const fingerprints = [before.serverFingerprint, serverFingerprint];
    if (identity.serverId !== serverId || !fingerprints.includes(identity.fingerprint)) {
      throw new SealwireError(
        "RESPONSE_UNVERIFIED",
        `The server is ${identity.serverId} with fingerprint ${identity.fingerprint}; the credentials name ${serverId} with ${serverFingerprint}.`,
      );
    }
    return identity;
  }

  /**
   * Requests the status of a service from the standard gRPC health service; "" stands for the whole server. The answer
   * is not signed. With several servers, one of those in use answers.
   */
  async health(service = "", options: OperationOptions = {}): Promise<ServingStatus> {
    return checkHealth(this.#connection, service, options);
  }

  /**
   * Ends all open operations with CANCELLED and closes the connections. The server continues calls that it has started.
   */
  close(): void {
    const { operations, transport } = this.#connection;
    this.#closing.abort();
    operations.close(new SealwireError("CANCELLED", "The client was closed."));
    transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #callAny(tool: string, args: CallArguments, options: CallOptions): Promise<CallResult> {
    const isPinned = this.#pinned !== undefined && !isSystemTool(tool);
    if (isEncoded(args) && !isPinned) {
      const intent = { tool, args, ...this.#name(options) };
      return readResult(await callTool(this.#connection, intent, options), this.#contracts);
    }
    const encode = async (until: Cancellation): Promise<EncodedCall> => {
      const contract = await this.#contracts.forTool(tool, until);
      return { contract, args: isEncoded(args) ? args : encodeArguments(contract, args) };
    };
    return (await this.#callEncoded(tool, encode, options)).result;
  }

  /**
   * Finds the contract, encodes the arguments, compares the definition with the accepted one and calls the tool, all
   * within one time limit.
   */
  async #callEncoded(
    name: string,
    encode: (until: Cancellation) => Promise<EncodedCall>,
    options: CallOptions,
  ): Promise<ContractedResult> {
    const { operations } = this.#connection;
    const { clock, timeoutMs } = this.#connection.options;
    const limitMs = checkTimeoutMs(options.timeoutMs ?? timeoutMs);
    const named = this.#name(options);
    let tool = name;
    using deadline = new Deadline({
      clock,
      operations,
      timeoutMs: limitMs,
      signal: options.signal,
      describe: () => timeUp({ tool, requestId: named.requestId }, limitMs),
    });
    for (;;) {
      const { contract, args } = await encode(deadline);
      tool = contract.tool;
      const pinned = isSystemTool(tool) ? undefined : this.#pinned;
      const accepted = await pinned?.accept(tool, deadline);
      const intent = { tool, args, ...named, definitionDigest: accepted?.digest };
      try {
        const response = await callWithin(this.#connection, intent, deadline);
        if (response.result !== undefined) decodeAs(response.result, contract.output.typeName, () => undefined);
        return { contract, result: readResult(response, this.#contracts) };
      } catch (error) {
        if (pinned === undefined || accepted === undefined) throw error;
        await pinned.checkAgain(tool, accepted, error, deadline);
      }
    }
  }

  /** Returns the request id and the trace context of a call. Throws OPTIONS_INVALID. */
  #name(options: CallOptions): Pick<Intent, "requestId" | "traceparent" | "tracestate"> {
    checkTraceContext(options);
    const { requestId = this.#connection.options.random.uuid(), traceparent, tracestate } = options;
    return { requestId, traceparent, tracestate };
  }

  async #callSystem(tool: string, method: string, value: Uint8Array, options: OperationOptions): Promise<Any> {
    const typeUrl = `${TYPE_URL_PREFIX}sealwire.system.v1.${method}Request`;
    const { output } = await this.call(tool, { typeUrl, value }, pickLimits(options));
    if (output !== undefined) return output;
    throw new SealwireError("RESPONSE_INVALID", `The answer of ${tool} holds no result.`);
  }
}

/** Creates a channel for a single server, and replicas for several. */
function connect(options: ResolvedClientOptions): Transport {
  const [only, ...more] = options.addresses;
  return only?.kind === "target" && more.length === 0
    ? new Channel({ ...options, address: only.target, proxy: only.proxy })
    : new Replicas(options);
}

function pickLimits({ signal, timeoutMs }: OperationOptions): OperationOptions {
  return { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
}
