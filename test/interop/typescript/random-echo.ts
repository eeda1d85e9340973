/** A random number from 0 to below 1, by the generator mulberry32. Same seed, same numbers. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const DEPTH = 3;

/** A random `interop.v1.EchoRequest` in JSON. Its Structs hold no -0, which ts-proto's types lose. */
export function randomEcho(random: () => number): object {
  const below = (limit: number): number => Math.floor(random() * limit);
  const many = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const character = (): string =>
    String.fromCodePoint([0x61 + below(26), 0xe0 + below(60), 0x1f400 + below(64)][below(3)] ?? 0);
  const text = (): string => many(12, character).join("");
  const integer = (): string =>
    String(BigInt.asIntN(64, BigInt(below(2 ** 32)) * BigInt(below(2 ** 32)) * 7n - 2n ** 63n));
  const value = (depth: number): unknown => {
    switch (below(depth > 0 ? 6 : 4)) {
      case 0:
        return null;
      case 1:
        return random() < 0.5;
      case 2:
        return (random() - 0.5) * 10 ** below(20) || 0;
      case 3:
        return text();
      case 4:
        return many(4, () => value(depth - 1));
      default:
        return struct(depth - 1);
    }
  };
  const struct = (depth: number): object => Object.fromEntries(many(4, () => [`k${text()}`, value(depth)]));
  return {
    payload: struct(DEPTH),
    text: text(),
    number: integer(),
    ratio: random() * 10 ** below(300),
    data: Buffer.from(many(40, () => below(256))).toString("base64"),
    deltas: many(8, () => below(2 ** 32) - 2 ** 31),
    names: Object.fromEntries(many(4, () => [integer(), text()])),
  };
}
