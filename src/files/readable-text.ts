declare const readable: unique symbol;

/** Text of a file that its own reader has taken. Files and rows of secrets are made of nothing else. */
export type ReadableText = string & { readonly [readable]: true };

/**
 * Gives a text only after `read`, the reader of such files, has taken it: whoever writes more than is read again locks
 * everybody out. Throws what `read` throws.
 */
export function readableText(text: string, read: (bytes: Buffer) => unknown): ReadableText {
  const bytes = Buffer.from(text);
  try {
    read(bytes);
  } finally {
    bytes.fill(0);
  }
  return text as ReadableText;
}
