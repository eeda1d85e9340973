import type { OperatorService } from "../operator/operator-service.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Toolset } from "../tools/toolset.ts";
import type { AboutAnswer } from "./answers.ts";

/** The facts about a server that do not change while it runs. */
export type ServerFacts = Omit<AboutAnswer, "serverId" | "tools">;

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
