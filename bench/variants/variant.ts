import type { Load } from "../load/load.ts";

/** A server that is up. */
export interface Served extends AsyncDisposable {
  /** What a load needs to reach it; travels to another process. */
  readonly target: unknown;
}

/** One thing that is measured: how it is served, in one process, and how load is put on it, from another. */
export interface Variant<Target = unknown> {
  /** What it is, in a few words, for the tables. */
  readonly title: string;
  /** Serves from several processes, which get more than one core. */
  readonly several?: boolean;
  /** Starts the server on a free port of loopback. */
  serve(): Promise<Served & { readonly target: Target }>;
  /** Connects a load to a server that `serve` started. */
  connect(target: Target): Promise<Load>;
}
