import type { Bench } from "../report/result.ts";
import { compare, summaries } from "./compared.ts";

const BASE = "grpc-js";

/** Unary calls of Sealwire and of its alternatives. */
export const calls: Bench = {
  title: "A call of batch_sum with three numbers",
  run: (options) =>
    compare(
      {
        names: [
          "http2",
          "grpc-js",
          "sealwire-sqlite",
          "sealwire-observed",
          "sealwire-stream",
          "sealwire-memory",
          "sealwire-postgres",
          "connect-node",
          "mcp-2",
          "mcp-1",
          "json-hmac",
        ],
        base: BASE,
        more: (series) => summaries(series, BASE),
      },
      options,
    ),
};
