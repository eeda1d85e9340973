import type { OperatorService } from "../operator/operator-service.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Toolset } from "../tools/toolset.ts";

/** The facts about a server that do not change while it runs. */
export interface ServerFacts {
  readonly version: string;
  readonly protocol: string;
  readonly node: string;
  readonly platform: string;
  /** Where calls are accepted: "HOST:PORT" or "unix:PATH". */
  readonly address: string;
  readonly startedAtMs: number;
  /** What keeps jobs and nonces, such as "SQLite". */
  readonly store: string;
  /** Number of jobs that it runs at once; 0: none. */
  readonly concurrency: number;
  readonly readOnly: boolean;
}

/** What the pages read of a server. */
export interface ConsoleSource {
  readonly facts: ServerFacts;
  /** What operators see and do. */
  readonly operator: OperatorService;
  readonly clock: Clock;
  serverId(): string;
  /** The tools in force. */
  toolset(): Toolset;
}
