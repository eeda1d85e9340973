/** Names of the messages of the bench `sizes`: what they hold, and how many numbers or KiB. */
export const SIZE_NAMES = [
  "numbers-3",
  "numbers-100",
  "numbers-10000",
  "struct-1",
  "struct-64",
  "struct-900",
  "bytes-1",
  "bytes-64",
  "bytes-900",
] as const;

/** Name of a size. */
export type SizeName = (typeof SIZE_NAMES)[number];
