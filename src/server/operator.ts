import type { AuditFeed } from "../audit/audit-feed.ts";
import type { OperatorObserver } from "../operator/action.ts";
import { createOperator, type OperatorService } from "../operator/operator-service.ts";
import { operatorTools } from "../operator/operator-tools.ts";
import { VERSION } from "../runtime/version.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import { CallWindow } from "./metrics/call-window.ts";
import type { ResolvedServiceOptions } from "./options.ts";
import type { CallObserver } from "./request/access-log.ts";

/** What a server's operators use, and what is counted for them. */
export interface ServedOperator {
  readonly operator: OperatorService;
  readonly tools: ToolImplementation;
  readonly observer: CallObserver;
  /** Called with the id of the key of each accepted request. */
  readonly noteKeyUse: (keyId: string) => void;
}

/** Options of {@link serveOperator}. */
export interface ServedOperatorOptions {
  /** The type URL of a job tool's arguments. Default: unknown. */
  readonly argsTypeOf?: (tool: string) => string | undefined;
  /** Default: the server keeps no audit log. */
  readonly audit?: AuditFeed | undefined;
  /** Default: none. */
  readonly observer?: OperatorObserver | undefined;
}

/** Makes the functions and the tools of operators for a server. */
export function serveOperator(
  { store, keyRing, operatorPayloads, clock, logger }: ResolvedServiceOptions,
  { argsTypeOf, audit, observer }: ServedOperatorOptions = {},
): ServedOperator {
  const calls = new CallWindow(clock);
  const keyUse = new Map<string, number>();
  const operator = createOperator({
    store,
    keyRing,
    stats: calls,
    keyUse: () => keyUse,
    audit,
    observer,
    instance: { id: store.instanceId, version: VERSION, startedAtMs: clock.nowMs() },
    payloads: operatorPayloads,
    argsTypeOf,
    clock,
    logger,
  });
  return {
    operator,
    tools: operatorTools(operator),
    observer: calls,
    noteKeyUse: (keyId) => keyUse.set(keyId, clock.nowMs()),
  };
}
