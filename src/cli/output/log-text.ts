import { plainText } from "./plain-text.ts";

/** Fields with a fixed position in a line. */
const PLACED: ReadonlySet<string> = new Set(["level", "time", "msg", "err"]);

/** Converts a JSON log line to text: time of day, level, message and named fields, followed by stack traces. */
export function logText(json: string): string {
  const fields = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const { level, time, msg, err } = fields;
  const rest = Object.entries(fields)
    .filter(([name]) => !PLACED.has(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const head = [String(time).slice("2026-11-22T".length, -1), String(level).padEnd(5), String(msg), ...rest];
  const { stack } = (err ?? {}) as { readonly stack?: string };
  const below = (stack ?? "").split("\n").filter((line) => line !== "");
  return [head.join(" "), ...below.map((line) => `  ${line}`)].map((line) => `${keepIndent(line)}\n`).join("");
}

function keepIndent(line: string): string {
  return (/^ */.exec(line)?.[0] ?? "") + plainText(line);
}
