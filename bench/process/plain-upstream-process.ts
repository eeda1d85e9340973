import { startPlainUpstream } from "../variants/plain-upstream.ts";
import type { Served } from "../variants/variant.ts";
import { answerParent } from "./answering.ts";

let served: (Served & { readonly target: string }) | undefined;

const questions = {
  /** Starts the upstream. Returns its address. */
  async serve(): Promise<string> {
    served = await startPlainUpstream();
    return served.target;
  },
};

/** The questions of the process that is an upstream. */
export type PlainUpstreamQuestions = typeof questions;

answerParent(questions, () => served?.[Symbol.asyncDispose]());
