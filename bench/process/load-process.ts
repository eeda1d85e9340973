import type { Load, Sample } from "../load/load.ts";
import type { Variant } from "../variants/variant.ts";
import { type VariantName, variants } from "../variants/variants.ts";
import { answerParent } from "./answering.ts";

let load: Load | undefined;

const questions = {
  /** Connects to a variant's server. */
  async connect({ name, target }: { readonly name: VariantName; readonly target: unknown }): Promise<void> {
    const variant: Variant = await variants[name]();
    load = await variant.connect(target);
  },
  /** Prepares requests before an interval. */
  prepare(count: number): void {
    load?.prepare(count);
  },
  /** Calls for one interval. Throws on an unexpected answer. */
  async run(interval: { readonly callers: number; readonly durationMs: number }): Promise<Sample> {
    if (load === undefined) throw new Error("the load is not connected");
    return load.run(interval);
  },
};

/** The questions of the process that calls a variant. */
export type LoadQuestions = typeof questions;

answerParent(questions);
