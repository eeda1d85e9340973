import type { Bench } from "../report/result.ts";
import { compare } from "./compared.ts";

/** What each part of Sealwire costs: the same call with parts left out. */
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
