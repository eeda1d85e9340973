import { SealwireError } from "../errors.ts";
import type { OutputBytes, ToolContext } from "./handler.ts";

/** The codec of a message as ts-proto generates it. */
export interface MessageCodec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/** One method of a service as ts-proto's `generic-definitions` describe it. */
export interface MethodDefinition {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a definition is generic over its messages; the types below recover them
  readonly requestType: MessageCodec<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly responseType: MessageCodec<any>;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly options: object;
}

/** A service as ts-proto's `generic-definitions` describe it. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** What a method receives. */
export type Input<M extends MethodDefinition> = ReturnType<M["requestType"]["decode"]>;
/** What a method returns. */
export type Output<M extends MethodDefinition> = ReturnType<M["responseType"]["decode"]>;

/** What a handler may return: the response message, or its bytes. */
export type Returned<M extends MethodDefinition> = Output<M> | OutputBytes;

/** One handler per method of a service. */
export type Handlers<D extends ServiceDefinition, C extends ToolContext = ToolContext> = {
  readonly [K in keyof D["methods"]]: (
    input: Input<D["methods"][K]>,
    context: C,
  ) => D["methods"][K] extends { readonly responseStream: true }
    ? AsyncIterable<Output<D["methods"][K]>>
    : Promise<Returned<D["methods"][K]>> | Returned<D["methods"][K]>;
};

/** A handler without its types. */
export type AnyHandler = (input: unknown, context: ToolContext) => unknown;

/** A service with its handlers, ready for `createServer({ tools: [...] })`. */
export interface ToolImplementation {
  readonly definition: ServiceDefinition;
  /** By method name as in the contract, for example "BatchSum". */
  readonly handlers: ReadonlyMap<string, AnyHandler>;
}

/**
 * Binds handlers to a generated service definition; every method needs one, and its types are checked.
 * A handler returns the response message, or `outputBytes(…)`. What it throws: a SealwireError TOOL_FAILED (or
 * another reason) reaches the caller as it is, anything else as INTERNAL with a fixed text.
 * Throws OPTIONS_INVALID if a handler is missing.
 *
 * @example
 * ```ts
 * const greeter = implement(GreetToolServiceDefinition, {
 *   greet: ({ name }, { clientId }) => ({ text: `Hello, ${name}, from ${clientId}!` }),
 *   async greetSlowly({ name }, { signal, progress }) {
 *     progress(1, 2, "thinking");
 *     await sleep(300, undefined, { signal });
 *     return { text: `Hello at last, ${name}!` };
 *   },
 * });
 * ```
 */
export function implement<const D extends ServiceDefinition, C extends ToolContext = ToolContext>(
  definition: D,
  handlers: Handlers<D, C>,
): ToolImplementation {
  const byName = new Map<string, AnyHandler>();
  for (const [key, method] of Object.entries(definition.methods)) {
    const handler: unknown = handlers[key];
    if (typeof handler !== "function") {
      throw new SealwireError(
        "OPTIONS_INVALID",
        `The implementation of ${definition.fullName} lacks a function ${key}.`,
      );
    }
    byName.set(method.name, handler.bind(handlers) as AnyHandler);
  }
  return { definition, handlers: byName };
}
