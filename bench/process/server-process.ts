import type { Served } from "../variants/variant.ts";
import { type VariantName, variants } from "../variants/variants.ts";
import { answerParent } from "./answering.ts";
import { usage } from "./usage.ts";

let served: Served | undefined;

const questions = {
  /** Starts a variant's server. Returns the target for its load. */
  async serve(name: VariantName): Promise<unknown> {
    const variant = await variants[name]();
    served = await variant.serve();
    return served.target;
  },
  usage,
};

/** The questions of the process that serves a variant. */
export type ServerQuestions = typeof questions;

answerParent(questions, () => served?.[Symbol.asyncDispose]());
