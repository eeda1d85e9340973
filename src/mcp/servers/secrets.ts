/** Replaces the secrets in a text. */
export type Redact = (text: string) => string;

/** Shorter values would be found in any text, and are no secrets. */
const SHORTEST = 6;

/** Makes a function that replaces the given secrets, each line of a longer one included, by "[hidden]". */
export function redacting(secrets: readonly string[]): Redact {
  const parts = new Set(secrets.flatMap((secret) => [secret, ...secret.split(/[\r\n]+/)]));
  // The longest first, so that no part of it stays when a shorter one is inside it.
  const hidden = [...parts].filter(({ length }) => length >= SHORTEST).sort((one, other) => other.length - one.length);
  return (text) => hidden.reduce((left, secret) => left.replaceAll(secret, "[hidden]"), text);
}
