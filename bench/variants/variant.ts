import type { Load } from "../load/load.ts";
import type { Usage } from "../process/usage.ts";

/** A running server. */
export interface Served extends AsyncDisposable {
  /** The target for a load, passed to another process. */
  readonly target: unknown;
  /** The usage of further processes that belong to the server. */
  readonly otherUsage?: () => Promise<Usage>;
}

/** A measured variant: its server, in one process, and its load, in another. */
export interface Variant<Target = unknown> {
  /** Short description for tables. */
  readonly title: string;
  /** True if it serves with several processes, which get more than one core. */
  readonly several?: boolean;
  /** Starts the server on a free loopback port. */
  serve(): Promise<Served & { readonly target: Target }>;
  /** Connects a load to a server that `serve` started. */
  connect(target: Target): Promise<Load>;
}
