/*
 * Regular expressions for ranges of whole numbers. JSON Schema cannot compare texts, and the JSON form of a 64-bit
 * integer is a text. They use no syntax beyond that of RE2 and ECMAScript.
 */

/** The pattern of the decimal numbers from `lowest` to `highest`, without anchors. No leading zeros, no "-0". */
export function rangePattern(lowest: bigint, highest: bigint): string {
  const parts: string[] = [];
  if (lowest <= 0n && highest >= 0n) parts.push("0");
  const below = lowest < 0n ? -lowest : 0n;
  const above = highest > 0n ? highest : 0n;
  if (lowest < 0n && highest > 0n) {
    const both = below < above ? below : above;
    parts.push(`-?${group(magnitudes(1n, both))}`);
    if (above > both) parts.push(...magnitudes(both + 1n, above));
    if (below > both) parts.push(`-${group(magnitudes(both + 1n, below))}`);
  } else {
    if (above > 0n) parts.push(...magnitudes(lowest > 0n ? lowest : 1n, above));
    if (below > 0n) parts.push(`-${group(magnitudes(highest < 0n ? -highest : 1n, below))}`);
  }
  return parts.join("|");
}

/** Patterns of the numbers from `lowest` to `highest`, which are positive. */
function magnitudes(lowest: bigint, highest: bigint): string[] {
  const first = String(lowest);
  const last = String(highest);
  if (first.length === last.length) return sameLength(first, last);
  const parts: string[] = [];
  let whole = first.length;
  if (!isLeast(first)) {
    parts.push(...sameLength(first, "9".repeat(first.length)));
    whole += 1;
  }
  const isWhole = /^9+$/.test(last);
  const most = isWhole ? last.length : last.length - 1;
  if (most >= whole) parts.push(`[1-9]${repeat("[0-9]", whole - 1, most - 1)}`);
  if (!isWhole) parts.push(...sameLength(`1${"0".repeat(last.length - 1)}`, last));
  return parts;
}

/** True for 1, 10, 100 and so on. */
function isLeast(digits: string): boolean {
  return /^10*$/.test(digits);
}

/** Patterns of the digit strings from `first` to `last`, which have the same length. */
function sameLength(first: string, last: string): string[] {
  if (first === last) return [first];
  const left = first.length - 1;
  if (/^0+$/.test(first) && /^9+$/.test(last)) return [repeat("[0-9]", left + 1, left + 1)];
  const low = Number(first[0]);
  const high = Number(last[0]);
  if (low === high) return [`${low}${group(sameLength(first.slice(1), last.slice(1)))}`];
  const parts: string[] = [];
  const isOpenBelow = /^0*$/.test(first.slice(1));
  const isOpenAbove = /^9*$/.test(last.slice(1));
  const from = isOpenBelow ? low : low + 1;
  const to = isOpenAbove ? high : high - 1;
  if (!isOpenBelow) parts.push(`${low}${group(sameLength(first.slice(1), "9".repeat(left)))}`);
  if (from <= to) parts.push(`${from === to ? from : `[${from}-${to}]`}${repeat("[0-9]", left, left)}`);
  if (!isOpenAbove) parts.push(`${high}${group(sameLength("0".repeat(left), last.slice(1)))}`);
  return parts;
}

function group(parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] ?? "") : `(?:${parts.join("|")})`;
}

function repeat(atom: string, least: number, most: number): string {
  if (most === 0) return "";
  if (least === most) return least === 1 ? atom : `${atom}{${least}}`;
  return `${atom}{${least},${most}}`;
}
