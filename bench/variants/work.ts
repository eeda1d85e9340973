import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";

/** Number of connections of the variants with many. */
export const MANY_CONNECTIONS = 64;

/** The numbers that every variant adds up in a call. */
export const NUMBERS = [1, 2, 3.5];

/** The arguments of `batch_sum`, serialized. */
export const ARGS = BatchSumRequest.encode({ numbers: NUMBERS }).finish();

/** The answer, serialized. */
export const RESULT = BatchSumResponse.encode(batchSum(NUMBERS)).finish();

/** Adds up numbers. */
export function batchSum(numbers: readonly number[]): { readonly count: number; readonly total: number } {
  return { count: numbers.length, total: numbers.reduce((total, number) => total + number, 0) };
}
