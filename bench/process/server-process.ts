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
  /** The usage of all processes of the server, and how much of the CPU time is that of the others. */
  async usage(): Promise<Usage & { readonly otherCpuUs: number }> {
    const own = usage();
    const { cpuUs = 0, rssBytes = 0 } = (await served?.otherUsage?.()) ?? {};
    return { cpuUs: own.cpuUs + cpuUs, rssBytes: own.rssBytes + rssBytes, otherCpuUs: cpuUs };
  },
};

/** The questions of the process that serves a variant. */
export type ServerQuestions = typeof questions;

answerParent(questions, () => served?.[Symbol.asyncDispose]());
