import type { ArgsValidator } from "../validation/args.ts";
import type { Image } from "../wire/descriptors.ts";
import type { Catalogue } from "./catalogue.ts";

/** The tools that a process serves, with their contract. It never changes; a reload replaces it as a whole. */
export interface Toolset {
  readonly image: Image;
  readonly catalogue: Catalogue;
  readonly validator: ArgsValidator;
}

/** Compiles the rules of every tool, one tool per step, so that the first call of a tool is not delayed. */
export function* warmUp({ catalogue, validator }: Toolset): Generator<void> {
  for (const tool of catalogue.tools()) {
    validator.warm(tool.input);
    if (tool.host !== undefined) validator.warm(tool.output);
    yield;
  }
}
