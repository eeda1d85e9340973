import {
  type Attributes,
  type Context,
  context as contexts,
  type Link,
  type Span,
  type SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { ERROR_TYPE } from "./attributes.ts";
import { writeTraceparent } from "./trace-context.ts";

/** The properties of a new span. */
export interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** Contains the parent, if there is one. */
  readonly parent: Context;
  readonly links?: Link[];
}

/**
 * One span of OpenTelemetry that has not ended. It never contains arguments, results or the messages of errors, which
 * may repeat them.
 */
export class OpenSpan {
  /** Contains the span as the parent of others. */
  readonly context: Context;
  readonly #span: Span;
  readonly #tracer: Tracer;

  private constructor(tracer: Tracer, span: Span, parent: Context) {
    this.#tracer = tracer;
    this.#span = span;
    this.context = trace.setSpan(parent, span);
  }

  /** Starts a span. The sampler of the process decides whether it is recorded. */
  static start(tracer: Tracer, { name, kind, attributes, parent, links }: SpanStart): OpenSpan {
    const span = tracer.startSpan(name, { kind, attributes, ...(links && { links }) }, parent);
    return new OpenSpan(tracer, span, parent);
  }

  /** False if the sampler has not chosen the span. It then only passes its trace on. */
  get isRecording(): boolean {
    return this.#span.isRecording();
  }

  /** True if the span is exported, so that its id leads to a trace. */
  get isSampled(): boolean {
    return (this.#span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get spanId(): string {
    return this.#span.spanContext().spanId;
  }

  /** The span as W3C traceparent, for the peer that it calls. */
  get traceparent(): string {
    return writeTraceparent(this.#span.spanContext());
  }

  /** The W3C tracestate of its trace; `undefined` if it has none. */
  get tracestate(): string | undefined {
    return this.#span.spanContext().traceState?.serialize() || undefined;
  }

  /** Starts a span whose parent is this one. */
  startChild(start: Omit<SpanStart, "parent">): OpenSpan {
    return OpenSpan.start(this.#tracer, { ...start, parent: this.context });
  }

  /** Calls `body` with this span as the parent of the spans that it starts. */
  run<T>(body: () => T): T {
    return contexts.with(this.context, body);
  }

  /** Adds attributes. */
  add(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  /** Ends the span; as failed if `reason`, one of a closed set, is given. */
  end(reason?: string): void {
    if (reason !== undefined && reason !== "") {
      this.#span.setAttribute(ERROR_TYPE, reason);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}
