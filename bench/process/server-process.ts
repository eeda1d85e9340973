import type { Served } from "../variants/variant.ts";
import { type VariantName, variants } from "../variants/variants.ts";
import { answerParent } from "./answering.ts";
import { type Usage, usage } from "./usage.ts";

let served: Served | undefined;

const questions = {
  /** Starts a variant's server. Returns the target for its load. */
  async serve(name: VariantName): Promise<unknown> {
    const variant = await variants[name]();
    served = await variant.serve();
    return served.target;
  },
  /** The usage of all processes of the server. */
  async usage(): Promise<Usage> {
    const own = usage();
    const other = await served?.otherUsage?.();
    if (other === undefined) return own;
    return { cpuUs: own.cpuUs + other.cpuUs, rssBytes: own.rssBytes + other.rssBytes };
  },
};

/** The questions of the process that serves a variant. */
export type ServerQuestions = typeof questions;

answerParent(questions, () => served?.[Symbol.asyncDispose]());
