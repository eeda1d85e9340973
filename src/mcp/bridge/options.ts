import type { SealwireClient } from "../../client/client.ts";
import type { CredentialsSource } from "../../client/credentials-source.ts";
import type { ToolPins } from "../../client/pins/tool-pins.ts";
import { SealwireError } from "../../errors.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { checkNumber } from "../../runtime/number-range.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { compileToolPatterns, TOOL_PATTERN } from "../../signing/key-ring/tool-patterns.ts";
import { OpenCalls } from "./open-calls.ts";
import { checkPrefix } from "./tool-names.ts";

/** What a host's cancellation does to the job that it waits for. */
export type OnCancel = "job" | "detach";

/** Options of a bridge that do not depend on whom it calls for. */
export interface BridgeOptions {
  /** Patterns for the names of the tools to offer, with `*` for any characters. Default: all. */
  readonly tools?: readonly string[];
  /** Offers only tools without side effects. Default false. */
  readonly readOnly?: boolean;
  /** Written before the name of each tool. Default: none. */
  readonly prefix?: string;
  /** How long a call waits for a job before it is answered with the open job, 0 to 600,000 ms. Default 40,000. */
  readonly waitMs?: number;
  /** "job": a host that cancels a call cancels its job. "detach": the job goes on. Default "detach". */
  readonly onCancel?: OnCancel;
  /** Longest time between two reports of progress, 100 to 60,000 ms. Default 5,000. */
  readonly progressIntervalMs?: number;
  /** Age from which the contract is fetched again, 100 to 86,400,000 ms. Hosts are told it, too. Default 30,000. */
  readonly ttlMs?: number;
  /** The accepted definitions. Give them to the client, too. Default: every definition is accepted. */
  readonly pins?: ToolPins;
  /** Where calls are kept that hosts may continue. Default: in memory. */
  readonly openCalls?: OpenCalls;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Whom a bridge calls for. */
export interface Principal {
  /** Signs, sends and verifies. Not disposed with the bridge. */
  readonly client: SealwireClient;
  /** The credentials of the client. */
  readonly credentials: CredentialsSource;
}

/** {@link BridgeOptions}, checked and with all defaults filled in. */
export interface ResolvedBridgeOptions extends Required<Omit<BridgeOptions, "tools" | "pins">> {
  readonly pins: ToolPins | undefined;
  readonly includes: (tool: string) => boolean;
}

/** Checks the options. Throws OPTIONS_INVALID naming the invalid one. */
export function resolveBridgeOptions(options: BridgeOptions): ResolvedBridgeOptions {
  const { tools, prefix = "", waitMs = 40_000, progressIntervalMs = 5_000, ttlMs = 30_000 } = options;
  const clock = options.clock ?? systemClock;
  return {
    includes: tools === undefined ? () => true : compileToolPatterns(tools.map(checkPattern)),
    readOnly: options.readOnly ?? false,
    prefix: checkPrefix(prefix),
    waitMs: checkNumber("waitMs", waitMs, { least: 0, most: 600_000, fraction: true }),
    onCancel: options.onCancel ?? "detach",
    progressIntervalMs: checkNumber("progressIntervalMs", progressIntervalMs, { least: 100, most: 60_000 }),
    ttlMs: checkNumber("ttlMs", ttlMs, { least: 100, most: 86_400_000 }),
    pins: options.pins,
    openCalls: options.openCalls ?? new OpenCalls(clock),
    logger: options.logger ?? silentLogger,
    clock,
    random: options.random ?? systemRandom,
  };
}

function checkPattern(pattern: string): string {
  if (TOOL_PATTERN.test(pattern)) return pattern;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${JSON.stringify(pattern)} is no pattern for names of tools; use letters, digits, "_" and "*", such as "batch_*".`,
  );
}
