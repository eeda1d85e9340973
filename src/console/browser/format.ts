const SECOND = 1000;
const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400 * SECOND],
  ["h", 3_600 * SECOND],
  ["min", 60 * SECOND],
  ["s", SECOND],
];

/** A time span in the largest unit that fits, with the next one if it is not 0: "2 h 5 min", "350 ms". */
export function spanText(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  const whole = Math.floor(ms / SECOND) * SECOND;
  const first = UNITS.findIndex(([, unit]) => whole >= unit);
  const [name = "s", unit = SECOND] = UNITS[first] ?? [];
  const [smaller = "", smallerUnit = 0] = UNITS[first + 1] ?? [];
  const count = Math.floor(whole / unit);
  const rest = smallerUnit === 0 ? 0 : Math.floor((whole - count * unit) / smallerUnit);
  return rest === 0 ? `${count} ${name}` : `${count} ${name} ${rest} ${smaller}`;
}

/** How long ago, or how far ahead, a time is: "3 min ago", "in 2 d". */
export function agoText(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs;
  if (Math.abs(ms) < SECOND) return "now";
  const [name = "s", unit = SECOND] = UNITS.find(([, each]) => Math.abs(ms) >= each) ?? [];
  const text = `${Math.floor(Math.abs(ms) / unit)} ${name}`;
  return ms >= 0 ? `${text} ago` : `in ${text}`;
}

/** Date and time in UTC to the second: "2026-11-22 12:00:05 UTC". */
export function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A number with three digits that matter, and with groups of thousands: "0.25", "12.3", "10,000". */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value !== 0 && Math.abs(value) < 100) return String(Number(value.toPrecision(3)));
  return Math.round(value).toLocaleString("en-US");
}

/** A number with what it counts: "1 key", "2 keys". */
export function countText(count: number, what: string): string {
  return `${numberText(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** Texts from strangers are cut to this number of characters. */
const SHOWN_MOST = 2_000;
/** Control characters, and those that change the direction or the order of what follows. */
const UNSEEN = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** A text from outside as it may be shown: what cannot be seen is written as \u{…}, and a long text is cut. */
export function plainText(text: string, most = SHOWN_MOST): string {
  const cut = text.length > most ? `${text.slice(0, most)}… (${numberText(text.length)} characters)` : text;
  return cut.replaceAll(UNSEEN, (character) =>
    character === "\n" ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
