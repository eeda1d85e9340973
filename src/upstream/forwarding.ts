import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import { type OutputBytes, outputBytes, readOutputBytes, type ToolContext } from "../tools/handler.ts";
import { handleStream, progressField } from "../tools/job-stream.ts";
import { isStreamingJob, makeTool, methodPath, type Tool, toolNameOf } from "../tools/tool.ts";
import type { OpenSpan } from "../tracing/open-span.ts";
import type { ArgsValidator } from "../validation/args.ts";
import { checkStrict, StrictError } from "../validation/strict.ts";
import type { Image } from "../wire/descriptors.ts";
import { MAX_RESULT_BYTES } from "../wire/limits.ts";
import type { UpstreamAddress } from "./address.ts";
import type { AssertionSigner } from "./assertion.ts";
import { endUpstreamSpan, startUpstreamSpan } from "./call-span.ts";
import type { UpstreamRequest, UpstreamStatus } from "./channel.ts";
import { brokenContract, type FailedRun, failureOf, notCalled, tooLarge } from "./failure.ts";
import { metadataOf } from "./metadata.ts";
import type { Upstream } from "./upstream.ts";

/** What the tools of an upstream need. */
export interface ForwardingContext {
  readonly upstream: Upstream;
  readonly image: Image;
  /** Checks the rules of answers. */
  readonly validator: ArgsValidator;
  readonly serverId: () => string;
  /** `undefined`: the upstream gets no assertions. */
  readonly assertions: AssertionSigner | undefined;
  readonly clock: Clock;
}

/** A request with its span; `undefined` without tracing. */
interface TracedRequest extends UpstreamRequest {
  readonly span: OpenSpan | undefined;
}

/** Maximum number of messages of a stream in a second. */
const MOST_PER_SECOND = 10_000;
/** Maximum size of all messages of a stream together. */
const MOST_STREAM_BYTES = 64 * 1024 * 1024;
/** Time by which the end of a call may come before its deadline and still be due to it. */
const DEADLINE_SLACK_MS = 50;

/** Makes the tools of a service that an upstream offers. Throws OPTIONS_INVALID for a method that cannot be a tool. */
export function forwardedTools(context: ForwardingContext, service: DescService): Tool[] {
  return service.methods.map((method) => forwardedTool(context, method));
}

function forwardedTool(context: ForwardingContext, method: DescMethod): Tool {
  const { image, upstream } = context;
  const forwarding = new Forwarding(context, method);
  return makeTool(image, method, {
    host: upstream,
    deduplicates: upstream.options.deduplicates,
    handler: forwarding.handler,
    decodeInput: (args) => args,
    // The handler has checked the bytes.
    encodeOutput: (output) => readOutputBytes(output) as Uint8Array,
  });
}

/** Runs one tool at its upstream. */
class Forwarding {
  readonly handler: (args: unknown, context: ToolContext) => Promise<OutputBytes>;
  readonly #context: ForwardingContext;
  readonly #method: DescMethod;
  /** The full name of the method. */
  readonly #name: string;
  readonly #path: string;
  readonly #tool: string;

  constructor(context: ForwardingContext, method: DescMethod) {
    this.#context = context;
    this.#method = method;
    this.#name = methodPath(method);
    this.#path = `/${method.parent.typeName}/${method.name}`;
    this.#tool = toolNameOf(context.image, method);
    this.handler = isStreamingJob(context.image, method)
      ? this.#streamed()
      : (args, run) => this.#unary(args as Uint8Array, run);
  }

  async #unary(args: Uint8Array, context: ToolContext): Promise<OutputBytes> {
    return this.#at(context, async (address) => {
      const { span, ...request } = await this.#request(args, context);
      const startedMs = this.#context.clock.monotonicMs();
      const { channel } = address;
      const reply = await (context.jobId === undefined ? channel.unary(request) : channel.single(request));
      this.#ended(startedMs, Buffer.isBuffer(reply) ? undefined : reply, span);
      if (Buffer.isBuffer(reply)) return outputBytes(this.#checked(reply, context));
      throw this.#failure(reply, { address, context, request });
    });
  }

  /** The handler of a method that streams progress, then its output. */
  #streamed(): Forwarding["handler"] {
    const { output } = this.#method;
    const noCodec = {
      encode: () => ({ finish: () => new Uint8Array() }),
      decode: () => undefined,
    };
    const streamed = { method: this.#name, codec: noCodec, progress: progressField(this.#name, output) };
    const read = handleStream((args, context) => this.#messages(args as Uint8Array, context), streamed);
    return async (args, context) => {
      const bytes = readOutputBytes(await read(args, context)) as Uint8Array;
      return outputBytes(this.#checked(bytes, context));
    };
  }

  async *#messages(args: Uint8Array, context: ToolContext): AsyncGenerator<OutputBytes, void, undefined> {
    const { clock } = this.#context;
    const address = this.#enter(context);
    const startedMs = clock.monotonicMs();
    let ended: UpstreamStatus | undefined;
    let span: OpenSpan | undefined;
    let cancel = (): void => {};
    try {
      const request = await this.#request(args, context);
      span = request.span;
      const stream = address.channel.stream(request);
      cancel = stream.cancel;
      const flow = new StreamFlow(this.#tool, clock);
      for await (const message of stream.messages) {
        flow.count(message);
        this.#checkStrictly(message, context);
        yield outputBytes(message);
      }
      ended = await stream.end;
      if (ended !== undefined) throw this.#failure(ended, { address, context, request });
    } finally {
      cancel();
      this.#ended(startedMs, ended, span);
      this.#context.upstream.leave(address);
    }
  }

  /** Runs a call at an address. */
  async #at<T>(context: ToolContext, call: (address: UpstreamAddress) => Promise<T>): Promise<T> {
    const address = this.#enter(context);
    try {
      return await call(address);
    } finally {
      this.#context.upstream.leave(address);
    }
  }

  #enter({ jobId }: ToolContext): UpstreamAddress {
    const place = this.#context.upstream.enter(this.#name);
    if (typeof place !== "string") return place;
    const why = place === "down" ? "its server cannot be reached" : "its server has as many calls as it may have";
    throw notCalled({ tool: this.#tool, isJob: jobId !== undefined }, why);
  }

  async #request(args: Uint8Array, context: ToolContext): Promise<TracedRequest> {
    const { upstream, assertions, clock, serverId } = this.#context;
    const run = { tool: this.#tool, serverId: serverId() };
    const assertion = assertions && (await assertions.sign({ ...run, context, args }));
    const limitMs = context.jobId === undefined ? upstream.options.callTimeoutMs : Number.POSITIVE_INFINITY;
    const span = startUpstreamSpan(this.#path, upstream.options.name);
    return {
      span,
      path: this.#path,
      message: args,
      metadata: metadataOf(context, { ...run, assertion, span }),
      deadlineMs: Math.min(context.deadlineMs, clock.nowMs() + limitMs),
      signal: context.signal,
    };
  }

  /** The answer, if it fits the contract. */
  #checked(bytes: Uint8Array, context: ToolContext): Uint8Array {
    if (bytes.length > MAX_RESULT_BYTES) throw tooLarge(this.#tool);
    const { output } = this.#method;
    this.#checkStrictly(bytes, context);
    try {
      this.#context.validator.validateRules(output, bytes);
    } catch (thrown) {
      const violations = thrown instanceof SealwireError ? thrown.violations : undefined;
      throw this.#broken(context, { violations }, "an answer of an upstream breaks the rules of its message");
    }
    return bytes;
  }

  #checkStrictly(bytes: Uint8Array, context: ToolContext): void {
    try {
      checkStrict(bytes, this.#method.output, { unbounded: true });
    } catch (thrown) {
      if (!(thrown instanceof StrictError)) throw thrown;
      const { path: field, problem } = thrown;
      throw this.#broken(context, { field, problem }, "an answer of an upstream does not fit its contract");
    }
  }

  #broken({ logger }: ToolContext, fields: object, message: string): SealwireError {
    logger.error({ upstream: this.#context.upstream.options.name, method: this.#name, ...fields }, message);
    return brokenContract(this.#tool);
  }

  #ended(startedMs: number, ended: UpstreamStatus | undefined, span: OpenSpan | undefined): void {
    const { upstream, clock } = this.#context;
    if (span !== undefined) endUpstreamSpan(span, ended?.code ?? 0);
    upstream.ended(ended?.code ?? 0, clock.monotonicMs() - startedMs);
  }

  /** The error for a failed call. Logs what the caller is not told. */
  #failure(
    ended: UpstreamStatus,
    run: { readonly address: UpstreamAddress; readonly context: ToolContext; readonly request: UpstreamRequest },
  ): Error {
    const { upstream, clock } = this.#context;
    const { context, address, request } = run;
    if (!context.signal.aborted) address.learn(this.#name, ended);
    const failed: FailedRun = {
      tool: this.#tool,
      isJob: context.jobId !== undefined,
      repeatable: this.#method.idempotency !== 0,
      deduplicates: upstream.options.deduplicates,
      stopped: context.signal.aborted ? context.signal.reason : undefined,
      isOverdue: clock.nowMs() >= request.deadlineMs - DEADLINE_SLACK_MS,
      isLeaving: address.isLeaving(this.#method.parent.typeName),
    };
    const error = failureOf(ended, failed);
    const { code, details, by } = ended;
    context.logger.warn(
      { upstream: upstream.options.name, method: this.#name, code, by, details },
      "a call to an upstream failed",
    );
    return error;
  }
}

/** Limits the messages of a stream, which may be endless. */
class StreamFlow {
  readonly #tool: string;
  readonly #clock: Clock;
  #bytes = 0;
  #messages = 0;
  #secondEndsMs: number;

  constructor(tool: string, clock: Clock) {
    this.#tool = tool;
    this.#clock = clock;
    this.#secondEndsMs = clock.monotonicMs() + 1_000;
  }

  count({ length }: Uint8Array): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#secondEndsMs) {
      this.#secondEndsMs = nowMs + 1_000;
      this.#messages = 0;
    }
    this.#messages += 1;
    this.#bytes += length;
    if (this.#messages > MOST_PER_SECOND || this.#bytes > MOST_STREAM_BYTES) throw tooLarge(this.#tool, "The stream");
  }
}
