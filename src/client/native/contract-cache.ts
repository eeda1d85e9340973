import { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { cutText } from "../../wire/error-message.ts";
import { unlessAborted } from "../calls/deadline.ts";
import type { FetchTools } from "../contracts/contract-source.ts";
import { type Contract, readContract, type ToolMethod } from "./contract.ts";

/** Options of {@link ContractCache}. */
export interface ContractCacheOptions {
  readonly fetch: FetchTools;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Age from which a call of a known method fetches the contract again, without waiting for it. */
const REFRESH_MS = 10_000;
/** Minimum age at which an unknown method, or a reflection request, waits for a newer contract. */
const RECENT_MS = 1_000;

/** Maximum length of a path in a message, which names the tools after it. */
const MAX_PATH_LENGTH = 100;

const SYSTEM_PATH = "/sealwire.system.v1.";

/** The server's current contract. It is fetched again while it is used, so that new tools need no restart. */
export class ContractCache {
  readonly #options: ContractCacheOptions;
  #known: Contract | undefined;
  /** The encoded answer that `#known` was read from. */
  #answer: Uint8Array = Buffer.alloc(0);
  #fetchedAtMs = -Infinity;
  #pending: Promise<Contract> | undefined;

  constructor(options: ContractCacheOptions) {
    this.#options = options;
  }

  /**
   * The method behind a gRPC path. Throws TOOL_FORBIDDEN with status UNIMPLEMENTED if the server offers no such tool,
   * and the error of the fetch if it is not known whether it does.
   */
  async find(path: string, signal: AbortSignal): Promise<ToolMethod> {
    const known = this.#known?.methods.get(path);
    if (known !== undefined) {
      if (this.#ageMs() > REFRESH_MS) this.refresh();
      return known;
    }
    const contract = await unlessAborted(this.#recent(), signal);
    const method = contract.methods.get(path);
    if (method === undefined) throw notOffered(path, contract);
    return method;
  }

  /** The contract, at most a second old; an older one if the server cannot be reached. */
  async current(): Promise<Contract> {
    try {
      return await this.#recent();
    } catch (thrown) {
      if (this.#known === undefined) throw thrown;
      return this.#known;
    }
  }

  /** Fetches the contract in the background. A failure is logged. */
  refresh(): void {
    this.#fetch().catch((err) => this.#options.logger.warn({ err }, "the server's contract could not be fetched"));
  }

  async #recent(): Promise<Contract> {
    if (this.#known !== undefined && this.#ageMs() < RECENT_MS) return this.#known;
    return await this.#fetch();
  }

  #ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#fetchedAtMs;
  }

  /** Concurrent callers share one fetch. */
  #fetch(): Promise<Contract> {
    this.#pending ??= this.#read().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #read(): Promise<Contract> {
    const { fetch, clock, logger } = this.#options;
    const response = await fetch();
    const answer = ListToolsResponse.encode(response).finish();
    this.#fetchedAtMs = clock.monotonicMs();
    if (this.#known !== undefined && Buffer.compare(answer, this.#answer) === 0) return this.#known;
    const contract = readContract(response);
    this.#known = contract;
    this.#answer = answer;
    logger.info({ services: contract.services, tools: contract.methods.size }, "contract read");
    return contract;
  }
}

function notOffered(path: string, { methods }: Contract): SealwireError {
  const system = (each: string): number => (each.startsWith(SYSTEM_PATH) ? 1 : 0);
  const paths = [...methods.keys()].sort((one, other) => system(one) - system(other) || (one < other ? -1 : 1));
  const names = paths.map((each) => each.slice(1)).join(", ");
  const given = cutText(path.slice(1), MAX_PATH_LENGTH);
  return new SealwireError("TOOL_FORBIDDEN", `${given} is no tool that you may call. There are: ${names}`, {
    status: "UNIMPLEMENTED",
  });
}
