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
  /** Makes requests beforehand, so that no interval pays for it. */
  prepare(count: number): void {
    load?.prepare(count);
  },
  /** Calls for a while. Throws if any answer is not the expected one. */
  async run(interval: { readonly callers: number; readonly durationMs: number }): Promise<Sample> {
    if (load === undefined) throw new Error("the load is not connected");
    return load.run(interval);
  },
};

/** What the process that puts load on a variant can be asked. */
export type LoadQuestions = typeof questions;

answerParent(questions);
