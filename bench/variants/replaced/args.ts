import type { ArgsValidator as Original } from "../../../src/validation/args.ts";

/** Replaces the ArgsValidator in src/validation/args.ts: all arguments are valid. */
export class ArgsValidator implements Pick<Original, "warm" | "validate"> {
  warm(): void {}

  validate(): ReturnType<Original["validate"]> {
    return undefined as never;
  }
}
