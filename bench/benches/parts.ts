import type { Bench } from "../report/result.ts";
import { compare } from "./compared.ts";

/** The cost of each part of Sealwire: the same call without this part. */
export const parts: Bench = {
  title: "A call of batch_sum with parts of Sealwire left out",
  run: (options) =>
    compare(
      {
        names: [
          "grpc-js",
          "sealwire-sqlite",
          "sealwire-unsigned",
          "sealwire-unvalidated",
          "sealwire-replayable",
          "sealwire-bare",
          "sealwire-observed",
        ],
        base: "sealwire-sqlite",
      },
      { ...options, callers: [64] },
    ),
};
