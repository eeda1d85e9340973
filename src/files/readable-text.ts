declare const readable: unique symbol;

/** Text that its own parser has accepted. Files and rows of secrets are written from this type only. */
export type ReadableText = string & { readonly [readable]: true };

/**
 * Returns `text` after `read`, the parser of such files, has accepted it. This prevents writing a file that cannot be
 * read again. Throws the errors of `read`.
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
