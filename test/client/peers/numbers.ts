import { BatchSumRequest, BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";

/** Arguments of batch_sum as bytes, for peers that serve no descriptors. */
export const sumArgs = {
  typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest",
  value: BatchSumRequest.encode({ numbers: [1, 2, 3.5] }).finish(),
};

/** The result of batch_sum for these arguments. */
export const sumResult = {
  typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumResponse",
  value: BatchSumResponse.encode({ count: 3, total: 6.5 }).finish(),
};
