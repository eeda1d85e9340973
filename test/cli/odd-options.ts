import fc from "fast-check";

/** Text that somebody may put into an option by a slip, an empty variable or bad intent; at times a good name. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("", " ", "a b", "a\nb", "é", "💥", "*", "a,b", ",", "__proto__", "\u202e", "{}", '"', "\t", "0"),
  fc.constantFrom("x".repeat(128), "x".repeat(129), "batch_*", "Batch-Sum", "unix:/tmp/s", "h:1", "h:65536", "h:1,h:2"),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.stringMatching(/^[!-~]{1,20}$/),
);

/** Numbers at, around and beyond two bounds. */
export function aroundBounds(least: number, most: number): fc.Arbitrary<number> {
  const near = [least, most].flatMap((bound) => [bound - 1, bound - 0.5, bound, bound + 0.5, bound + 1]);
  return fc.oneof(
    fc.constantFrom(...near),
    fc.constantFrom(0, -1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, 1e300, -1e300, 5e-324),
    fc.integer({ min: Math.ceil(least), max: Math.min(most, 2 ** 31 - 1) }),
  );
}

const NO_NUMBERS = ["", "NaN", "Infinity", "-0", "0x10", "1e3", " 5", "5 ", "1_000", "one", "5,5"];

function numberText(least: number, most: number): fc.Arbitrary<string> {
  return fc.oneof({ weight: 4, arbitrary: aroundBounds(least, most).map(String) }, fc.constantFrom(...NO_NUMBERS));
}

const time: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "+010000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
  ),
  fc.integer({ min: -20_000, max: 20_000 }).map((ms) => new Date(Date.now() + ms).toISOString()),
  fc.constantFrom("now", "", "2030-01-01", "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "2030-01-01T00:00:00+01:00"),
);

const duration: fc.Arbitrary<string> = fc.constantFrom(
  ...["0s", "0ms", "1ms", "1s", "1.5h", "7d", "36500d", "36500.001d", "36501d", "999999999d", "999999999.999d"],
  ...["-1s", "soon", "", "1e3s", "10"],
);

/** Some of the options, each with a value. */
function some(options: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string[]> {
  const each = Object.entries(options).map(([name, value]) =>
    // As one word: commander would take a value that begins with a dash for an option.
    fc.option(
      value.map((text) => `${name}=${text}`),
      { freq: 2, nil: undefined },
    ),
  );
  return fc.tuple(...each).map((words) => words.filter((word) => word !== undefined));
}

const tools = fc.oneof(fc.constant("*"), oddText);

/** Words of `keys add`, without the place for the credentials. */
export const addWords: fc.Arbitrary<string[]> = fc
  .tuple(
    fc.oneof(fc.constant("client"), oddText),
    tools,
    some({
      "--server-id": fc.oneof(fc.constant("prod"), oddText),
      "--not-before": time,
      "--not-after": time,
      "--address": oddText,
    }),
    some({
      "--calls-per-second": numberText(0.001, 1_000_000),
      "--burst": numberText(1, 1_000_000),
      "--calls-in-flight": numberText(1, 1_000_000),
      "--open-jobs": numberText(0, 1_000_000_000),
      "--open-watches": numberText(1, 1_000_000),
    }),
  )
  .map(([client, patterns, ...options]) => ["keys", "add", `--tools=${patterns}`, ...options.flat(), "--", client]);

/** Words of `keys rotate`, without the place for the credentials. */
export const rotateWords: fc.Arbitrary<string[]> = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: fc.constant("victim") }, oddText),
    some({ "--grace": duration, "--address": oddText }),
  )
  .map(([client, options]) => ["keys", "rotate", ...options, "--", client]);

/** Words of `keys retire` for one of these keys. */
export function retireWords(keyIds: readonly string[]): fc.Arbitrary<string[]> {
  return fc
    .tuple(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...keyIds) }, oddText), some({ "--grace": duration }))
    .map(([keyId, options]) => ["keys", "retire", ...options, "--", keyId]);
}
